import { type Observation, parseReportFrame } from './guest-report.ts'

/** About half an hour of a guest that writes as fast as it can; the oldest half goes when it is full. */
const observationsKept = 400_000

/** A station at the switch that notes what test guests report, and when. */
export class Observer {
  readonly #observations = new Map<string, Observation[]>()

  see(frame: Buffer, host: string): void {
    const report = parseReportFrame(frame)
    if (!report) return
    const arrivedMs = performance.timeOrigin + performance.now()
    let log = this.#observations.get(report.guest)
    if (!log) {
      log = []
      this.#observations.set(report.guest, log)
    }
    if (log.length >= observationsKept) log.splice(0, observationsKept / 2)
    log.push({ arrivedMs, host, report })
  }

  guests(): readonly { guest: string; last: Observation; count: number }[] {
    return [...this.#observations].flatMap(([guest, log]) => {
      const last = log.at(-1)
      return last ? [{ guest, last, count: log.length }] : []
    })
  }

  observations(guest: string, sinceMs: number): readonly Observation[] {
    const log = this.#observations.get(guest) ?? []
    return log.filter((observation) => observation.arrivedMs >= sinceMs)
  }

  forget(guest: string): void {
    this.#observations.delete(guest)
  }
}

import type { Observation } from '../network/guest-report.ts'
import type { DiskExpectation } from './check-records.ts'

/** What the reports of one guest, in the order of their arrival, say of its disks. */
export function diskExpectations(observations: readonly Observation[]): DiskExpectation[] {
  const disks = new Map<number, DiskExpectation>()
  for (const { report } of observations) {
    for (const { number, slots, acknowledged, issued } of report.disks) {
      const before = disks.get(number)
      disks.set(number, {
        guest: report.guest,
        number,
        slots,
        acknowledged: Math.max(acknowledged, before?.acknowledged ?? 0),
        issued: Math.max(issued, before?.issued ?? 0),
      })
    }
  }
  return [...disks.values()].sort((a, b) => a.number - b.number)
}

/** Failed I/O that the guest, or its kernel, has noticed since each of its boots. */
export function guestErrors(observations: readonly Observation[]): number {
  const worstOfBoot = new Map<string, number>()
  for (const { report } of observations) {
    const errors = report.disks.reduce((sum, disk) => sum + disk.errors, report.kernelErrors)
    worstOfBoot.set(report.boot, Math.max(errors, worstOfBoot.get(report.boot) ?? 0))
  }
  return [...worstOfBoot.values()].reduce((sum, errors) => sum + errors, 0)
}

export interface Gap {
  readonly gapMs: number
  readonly beginMs: number
  readonly endMs: number
}

/**
 * The longest time without a sign of life between two moments. The edges count: a guest that was never heard of was
 * silent all the time.
 */
export function longestGap(
  observations: readonly Observation[],
  fromMs: number,
  toMs: number,
): Gap {
  const inside = observations
    .map(({ arrivedMs }) => arrivedMs)
    .filter((arrivedMs) => arrivedMs >= fromMs && arrivedMs <= toMs)
  let longest: Gap = { gapMs: 0, beginMs: fromMs, endMs: fromMs }
  let beginMs = fromMs
  for (const endMs of [...inside, toMs]) {
    if (endMs - beginMs > longest.gapMs) longest = { gapMs: endMs - beginMs, beginMs, endMs }
    beginMs = endMs
  }
  return longest
}

export function longestGapMs(
  observations: readonly Observation[],
  fromMs: number,
  toMs: number,
): number {
  return longestGap(observations, fromMs, toMs).gapMs
}

/**
 * Whether the guest ran in one place at a time and as one life: its ticks only ever grow, each boot is over before the
 * next begins, and acknowledged numbers never go back. Two copies that run at once break the first rule at once.
 */
export function lifeProblems(observations: readonly Observation[]): string[] {
  const problems: string[] = []
  const endedBoots = new Set<string>()
  let before: Observation | undefined
  for (const observation of observations) {
    const { report, host } = observation
    if (before && before.report.boot !== report.boot) endedBoots.add(before.report.boot)
    if (endedBoots.has(report.boot)) {
      problems.push(`boot ${report.boot} was heard on ${host} after a later boot had begun`)
    } else if (before?.report.boot === report.boot) {
      if (report.tick <= before.report.tick) {
        problems.push(
          `tick ${report.tick} from ${host} after tick ${before.report.tick} from ${before.host}`,
        )
      }
      for (const disk of report.disks) {
        const earlier = before.report.disks.find(({ number }) => number === disk.number)
        if (earlier && disk.acknowledged < earlier.acknowledged) {
          problems.push(
            `${disk.disk} went back from ${earlier.acknowledged} to ${disk.acknowledged}`,
          )
        }
      }
    }
    before = observation
  }
  return problems
}

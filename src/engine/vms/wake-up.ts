import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'

/** No timer goes wrong when the clock is set, or by its own limits. */
const sleepMsMax = 3_600_000
const againMs = 30_000

/** Calls `look` when it is asked to and at the time that it has named: one call at a time, one timer. */
export class WakeUp {
  readonly #clock: Clock
  readonly #log: Log
  readonly #look: () => Promise<number | null>
  #alarm = new AbortController()
  #isLooking = false
  #isWanted = false
  #isClosed = false

  /** `look` answers after how long it wants to be called again; null: when it is asked for. */
  constructor(
    { clock, log }: { readonly clock: Clock; readonly log: Log },
    look: () => Promise<number | null>,
  ) {
    this.#clock = clock
    this.#log = log
    this.#look = look
  }

  now(): void {
    this.#isWanted = true
    this.#alarm.abort()
    if (!this.#isLooking) void this.#run()
  }

  close(): void {
    this.#isClosed = true
    this.#alarm.abort()
  }

  async #run(): Promise<void> {
    this.#isLooking = true
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false
      this.#alarm = new AbortController()
      const waitMs = await this.#look().catch((error: unknown) => {
        this.#log.warn({ error }, 'what is due could not be done; it will be tried again')
        return againMs
      })
      if (waitMs === null || this.#isClosed) continue
      const { signal } = this.#alarm
      await this.#clock.sleep(Math.min(Math.max(0, waitMs), sleepMsMax), signal).catch(() => {})
      this.#isWanted = true
    }
    this.#isLooking = false
  }
}

import { setImmediate } from 'node:timers/promises'
import { systemClock } from '../../src/drivers/system/clock.ts'
import type { Clock } from '../../src/ports/clock.ts'

/** Goes as the system's clock does, and leaps ahead when it is told to: nobody waits, and a slow machine is never late. */
export class LeapingClock implements Clock {
  #aheadMs = 0
  readonly #sleepers = new Set<{ readonly untilMs: number; readonly wake: AbortController }>()

  now(): number {
    return systemClock.now() + this.#aheadMs
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#aheadMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const wake = new AbortController()
    const sleeper = { untilMs: this.monotonicMs() + ms, wake }
    this.#sleepers.add(sleeper)
    try {
      await systemClock.sleep(ms, AbortSignal.any([wake.signal, ...(signal ? [signal] : [])]))
    } catch (error) {
      if (!wake.signal.aborted) throw error
    } finally {
      this.#sleepers.delete(sleeper)
    }
  }

  /** Whoever's time has come has then had its turns. */
  async leap(ms: number): Promise<void> {
    this.#aheadMs += ms
    for (const { untilMs, wake } of this.#sleepers) if (untilMs <= this.monotonicMs()) wake.abort()
    for (let turn = 0; turn < 100; turn += 1) await setImmediate()
  }
}

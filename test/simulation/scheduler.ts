import type { Clock } from '../../src/ports/clock.ts'
import type { SeededRandom } from './seeded-random.ts'

interface Sleeper {
  readonly atMs: number
  wake(): void
}

/**
 * Decides who goes on next, and when time passes: one at a time of those who could, chosen by the
 * seed; time moves only when nobody can go on. Nothing here waits for real time.
 */
export class Scheduler {
  readonly #random: SeededRandom
  readonly #startMs: number
  readonly #sleepers = new Set<Sleeper>()
  #ready: (() => void)[] = []
  #elapsedMs = 0
  #choices = 0

  constructor(random: SeededRandom, startMs = 1_700_000_000_000) {
    this.#random = random
    this.#startMs = startMs
  }

  get elapsedMs(): number {
    return this.#elapsedMs
  }

  /** How often somebody was chosen. */
  get choices(): number {
    return this.#choices
  }

  readonly clock: Clock = {
    now: () => this.#startMs + this.#elapsedMs,
    monotonicMs: () => this.#elapsedMs,
    sleep: (ms, signal) => this.#sleep(ms, signal),
  }

  /** Lets the others go first, as many of them as the seed wants. */
  turn(): Promise<void> {
    return new Promise((resolve) => void this.#ready.push(resolve))
  }

  /** Goes on until `isOver`, nobody is left, or time is up; true when it is over. */
  async run(isOver: () => boolean, limitMs: number, onChoice: () => void): Promise<boolean> {
    const untilMs = this.#elapsedMs + limitMs
    for (;;) {
      await settle()
      onChoice()
      if (isOver()) return true
      const chosen = this.#ready.length && this.#ready.splice(this.#choose(), 1)[0]
      if (chosen) {
        this.#choices += 1
        chosen()
      } else if (!this.#pass(untilMs)) return false
    }
  }

  #choose(): number {
    return this.#ready.length === 1 ? 0 : this.#random.below(this.#ready.length)
  }

  /** Moves time to the next sleeper; all who sleep until then are ready. */
  #pass(untilMs: number): boolean {
    let atMs = Number.POSITIVE_INFINITY
    for (const sleeper of this.#sleepers) atMs = Math.min(atMs, sleeper.atMs)
    if (atMs > untilMs) return false
    this.#elapsedMs = atMs
    for (const sleeper of this.#sleepers) if (sleeper.atMs === atMs) sleeper.wake()
    return true
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#sleepers.delete(sleeper)
        reject(signal?.reason)
      }
      const sleeper = {
        atMs: this.#elapsedMs + Math.max(0, ms),
        wake: () => {
          this.#sleepers.delete(sleeper)
          signal?.removeEventListener('abort', onAbort)
          this.#ready.push(resolve)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#sleepers.add(sleeper)
    })
  }
}

/** Lets everything run that waits for nothing but its turn. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

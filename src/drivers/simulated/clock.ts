import type { Clock } from '../../ports/clock.ts'

interface Sleeper {
  readonly atMs: number
  wake(): void
}

/** Time that passes when it is told to: nobody waits, and a replay sees the same times. */
export interface SimulatedClock extends Clock {
  /** Lets time pass, waking sleepers in order; whatever they do at once is done before the next wakes. */
  advance(ms: number): Promise<void>
}

export function createSimulatedClock(startMs = 1_700_000_000_000): SimulatedClock {
  let elapsedMs = 0
  const sleepers = new Set<Sleeper>()

  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const sleeper = {
        atMs: elapsedMs + ms,
        wake() {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const onAbort = () => {
        sleepers.delete(sleeper)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      sleepers.add(sleeper)
    })

  return {
    now: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    sleep,
    async advance(ms) {
      const untilMs = elapsedMs + ms
      for (;;) {
        await settle()
        const [next] = [...sleepers]
          .filter(({ atMs }) => atMs <= untilMs)
          .toSorted((a, b) => a.atMs - b.atMs)
        if (!next) break
        elapsedMs = Math.max(elapsedMs, next.atMs)
        next.wake()
      }
      elapsedMs = untilMs
    },
  }
}

/** Lets everything run that waits for nothing but its turn. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

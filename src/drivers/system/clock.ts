import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from '../../ports/clock.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await setTimeout(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      // The timer wraps the reason in an AbortError; callers want the reason itself.
      throw signal?.aborted ? signal.reason : error
    }
  },
}

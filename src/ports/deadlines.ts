import { CrosspoolError } from '../model/errors.ts'
import type { Clock } from './clock.ts'

/** Rejects with DEADLINE_PASSED when the work takes longer. The work itself goes on. */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const done = new AbortController()
  const late = clock.sleep(timeoutMs, done.signal).then(() => {
    throw new CrosspoolError('DEADLINE_PASSED', { what, timeoutMs })
  })
  late.catch(() => {})
  return Promise.race([work, late]).finally(() => done.abort())
}

/** So much must move for it to count: a sender of single bytes would hold its place for ever. */
const pacedBytes = 64 * 1024

/** Notices when nothing to speak of has moved for a while. */
export interface IdleWatch {
  /** Something has moved; `countBytes`: only so much of it. */
  touch(countBytes?: number): void
  /** Rejects with MEMORY_STREAM_FAILED once nothing was touched for the time given. Never resolves. */
  readonly lapsed: Promise<never>
  stop(): void
}

export function createIdleWatch(clock: Clock, idleMs: number): IdleWatch {
  const stopped = new AbortController()
  let touchedAtMs = clock.monotonicMs()
  let movedBytes = 0

  async function watch(): Promise<never> {
    for (;;) {
      const leftMs = touchedAtMs + idleMs - clock.monotonicMs()
      if (leftMs <= 0) break
      await clock.sleep(leftMs, stopped.signal)
    }
    const reason = `nothing moved for ${idleMs} ms`
    throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason })
  }

  const lapsed = watch()
  lapsed.catch(() => {})
  return {
    lapsed,
    touch: (countBytes = pacedBytes) => {
      movedBytes += countBytes
      if (movedBytes < pacedBytes) return
      movedBytes = 0
      touchedAtMs = clock.monotonicMs()
    },
    stop: () => stopped.abort(new Error('the watch was stopped')),
  }
}

import { CrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'

/** Waits no longer than `timeoutMs`; what is late goes on, and nobody looks at it. @throws DEADLINE_PASSED */
export async function within<Result>(
  clock: Clock,
  timeoutMs: number,
  what: string,
  promise: Promise<Result>,
): Promise<Result> {
  const timer = new AbortController()
  const late = clock.sleep(timeoutMs, timer.signal).then(() => {
    throw new CrosspoolError('DEADLINE_PASSED', { what, timeoutMs })
  })
  late.catch(() => {})
  promise.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    timer.abort()
  }
}

import { CrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ResourceState } from './resource-states.ts'
import type { StateReader } from './state-reader.ts'

const deadlineMs = 10_000

/**
 * Resolves when the events have told that the resource is as asked for. Since they come in the
 * order in which things happened, everything that happened before is known then, too.
 * @throws DEADLINE_PASSED
 */
export async function waitForState(
  reader: StateReader,
  clock: Clock,
  name: string,
  what: string,
  isReached: (state: ResourceState | null) => boolean,
): Promise<void> {
  const isThere = () => isReached(reader.states().get(name) ?? null)
  if (isThere()) return
  const timer = new AbortController()
  let stop = () => {}
  const reached = new Promise<void>((resolve) => {
    stop = reader.onChange(() => {
      if (isThere()) resolve()
    })
  })
  const passed = clock.sleep(deadlineMs, timer.signal).then(() => {
    throw new CrosspoolError('DEADLINE_PASSED', { what: `${name}: ${what}`, timeoutMs: deadlineMs })
  })
  try {
    await Promise.race([reached, passed])
  } finally {
    stop()
    timer.abort()
    await passed.catch(() => {})
  }
}

import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'

const ageMsMax = 60_000

/**
 * Something that takes commands of the host to find out. Looking at it never waits: LVM does, for as
 * long as a handover lasts. What is looked at is fetched in the background, once a minute at most.
 * @returns what to call at each look; it starts fetching when what is known has become old
 */
export function createSlowValue<T>(
  { clock, log, what }: { readonly clock: Clock; readonly log: Log; readonly what: string },
  fetch: () => Promise<T>,
  apply: (value: T) => void,
): () => void {
  let askedAtMs = Number.NEGATIVE_INFINITY
  let isFetching = false
  return () => {
    if (isFetching || clock.monotonicMs() - askedAtMs < ageMsMax) return
    askedAtMs = clock.monotonicMs()
    isFetching = true
    void fetch()
      .then(apply)
      .catch((error: unknown) => log.debug({ error, what }, 'a metric could not be refreshed'))
      .finally(() => {
        isFetching = false
      })
  }
}

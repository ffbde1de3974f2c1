import { CrosspoolError } from '../../model/errors.ts'
import type { BlockVerification } from '../../ports/block-replicator.ts'
import { verifyAlgorithm } from './options.ts'
import type { ResourceState } from './resource-states.ts'
import type { StateReader } from './state-reader.ts'

/**
 * DRBD goes through VerifyS and back to Established, and counts what differs as out of sync. It tells so in
 * the event that ends it. Both sides stay up to date for it, as they were not found to be.
 * @throws REPLICATION_LOST
 */
export async function verify(
  reader: Pick<StateReader, 'states' | 'onChange'>,
  name: string,
  start: () => Promise<void>,
  signal: AbortSignal,
): Promise<BlockVerification> {
  const state = () => reader.states().get(name) ?? null
  let hasBegun = isVerifying(state())
  let stop = () => {}
  const ended = new Promise<ResourceState>((resolve, reject) => {
    const look = () => {
      const now = state()
      if (isVerifying(now)) hasBegun = true
      else if (now?.connection !== 'Connected') reject(lost(name, now))
      else if (hasBegun) resolve(now)
    }
    const onAbort = () => reject(signal.reason)
    const stopLooking = reader.onChange(look)
    signal.addEventListener('abort', onAbort, { once: true })
    stop = () => {
      stopLooking()
      signal.removeEventListener('abort', onAbort)
    }
    if (signal.aborted) onAbort()
    look()
  })
  try {
    if (!hasBegun) await Promise.race([start(), ended])
    const { outOfSyncBytes } = await ended
    return { algorithm: verifyAlgorithm, differentBytes: outOfSyncBytes }
  } finally {
    stop()
  }
}

function isVerifying(state: ResourceState | null): boolean {
  return state?.replication.startsWith('Verify') === true
}

function lost(id: string, state: ResourceState | null): CrosspoolError {
  return new CrosspoolError('REPLICATION_LOST', { id, state: state?.connection ?? 'not there' })
}

import type { BlockReplicationState } from '../../ports/block-replicator.ts'
import type { Mirror, MirrorStatus } from '../../ports/datapath.ts'
import { mirrorName } from './names.ts'
import type { DatapathParts } from './parts.ts'

/** What has been seen of a mirror since somebody began to watch it. */
interface Past {
  readonly hadDisk: boolean
  readonly hadPeer: boolean
  readonly triedToConnect: boolean
  /** The two sides were told to part. */
  readonly isParted: boolean
}

export const nothingSeen: Past = {
  ...{ hadDisk: false, hadPeer: false, triedToConnect: false, isParted: false },
}

export function watchMirror(
  { replicator, parted }: DatapathParts,
  mirror: Mirror,
  listener: (status: MirrorStatus) => void,
): () => void {
  let past = nothingSeen
  const name = mirrorName(mirror)
  return replicator.watch(name, (state) => {
    listener(mirrorStatus(mirror.side, state, { ...past, isParted: parted.has(name) }))
    past = remember(past, state)
  })
}

export function remember(past: Past, state: BlockReplicationState | null): Past {
  if (state === null) return past
  return {
    ...past,
    hadDisk: past.hadDisk || state.disk === 'UpToDate' || state.disk === 'Inconsistent',
    hadPeer: past.hadPeer || state.connection === 'Connected',
    triedToConnect: past.triedToConnect || state.connection !== 'StandAlone',
  }
}

/** True when every acknowledged write is on both sides, and the next ones will be too. */
export function isSynchronous(state: BlockReplicationState | null): boolean {
  return (
    state !== null &&
    state.connection === 'Connected' &&
    // While they are compared every write goes to both sides, as ever.
    (state.replication === 'Established' || state.replication.startsWith('Verify')) &&
    state.disk === 'UpToDate' &&
    state.peerDisk === 'UpToDate'
  )
}

export function mirrorStatus(
  side: Mirror['side'],
  state: BlockReplicationState | null,
  past: Past,
): MirrorStatus {
  if (state === null) {
    const [phase, reason] = past.hadDisk
      ? (['failed', 'the replication has been taken down'] as const)
      : (['connecting', null] as const)
    return { state: phase, outOfSyncBytes: 0, sentBytes: 0, reason }
  }
  const { outOfSyncBytes, sentBytes, receivedBytes } = state
  const acrossBytes = side === 'source' ? sentBytes : receivedBytes
  return { ...judge(side, state, past), outOfSyncBytes, sentBytes: acrossBytes }
}

function judge(
  side: Mirror['side'],
  state: BlockReplicationState,
  past: Past,
): Pick<MirrorStatus, 'state' | 'reason'> {
  const isLost = (disk: string) => disk === 'Diskless' || disk === 'Failed'
  if (isLost(state.disk) && past.hadDisk)
    return { state: 'failed', reason: `this side's disk is ${state.disk}` }
  if (state.connection === 'Connected' && isLost(state.peerDisk))
    return { state: 'failed', reason: `the other side's disk is ${state.peerDisk}` }
  if (hasBeenHandedOver(side, state)) return { state: 'handed-over', reason: null }
  if (isSynchronous(state)) return { state: 'synced', reason: null }
  if (state.connection === 'Connected') return { state: 'syncing', reason: null }
  // Counted since they met last, so this is known also to who has just begun to watch.
  const hadPeer = past.hadPeer || state.sentBytes + state.receivedBytes > 0
  if (state.connection === 'StandAlone' && (past.isParted || (hadPeer && !past.triedToConnect)))
    return { state: 'paused', reason: 'what differs is remembered, and not sent' }
  if (state.connection === 'StandAlone' && past.triedToConnect)
    return { state: 'failed', reason: 'the two sides have parted and do not try again' }
  if (hadPeer) return { state: 'interrupted', reason: `the link is ${state.connection}` }
  return { state: 'connecting', reason: null }
}

function hasBeenHandedOver(side: Mirror['side'], { role, peerRole }: BlockReplicationState) {
  return side === 'target' ? role === 'Primary' : role === 'Secondary' && peerRole === 'Primary'
}

import { describe, expect, it } from 'vitest'
import type { BlockReplicationState } from '../../ports/block-replicator.ts'
import { isSynchronous, mirrorStatus, nothingSeen, remember } from './status.ts'

const synced: BlockReplicationState = {
  ...{ role: 'Primary', peerRole: 'Secondary', disk: 'UpToDate', peerDisk: 'UpToDate' },
  ...{ connection: 'Connected', replication: 'Established' },
  ...{ outOfSyncBytes: 0, sentBytes: 4096, receivedBytes: 0 },
}
const alone = { replication: 'Off', peerRole: 'Unknown', peerDisk: 'DUnknown' } as const
const fresh = { ...alone, connection: 'StandAlone', sentBytes: 0 } as const

type Change = Partial<BlockReplicationState>
const cases: readonly (readonly [string, Change, string])[] = [
  ['both up to date', {}, 'synced'],
  ['copying', { replication: 'SyncSource', peerDisk: 'Inconsistent' }, 'syncing'],
  ['just met', { replication: 'Off' }, 'syncing'],
  ['defined and not connected', fresh, 'connecting'],
  ['waits for its peer', { ...fresh, connection: 'Connecting' }, 'connecting'],
  ['has had a peer', { ...alone, connection: 'Connecting' }, 'interrupted'],
  ['no longer hears its peer', { ...alone, connection: 'NetworkFailure' }, 'interrupted'],
  ["lost the other side's disk", { peerDisk: 'Diskless' }, 'failed'],
  ['released and taken', { role: 'Secondary', peerRole: 'Primary' }, 'handed-over'],
  ['released', { role: 'Secondary' }, 'synced'],
]

describe('the status of a mirror, seen from its source', () => {
  it.each(cases)('%s', (_name, change, state) => {
    const seen = { ...synced, ...change }
    expect(mirrorStatus('source', seen, nothingSeen).state).toBe(state)
    expect(isSynchronous(seen)).toBe(state === 'synced' || state === 'handed-over')
  })

  it('is failed when what was there is gone, or no longer tries', () => {
    const past = remember(nothingSeen, synced)
    expect(mirrorStatus('source', null, nothingSeen).state).toBe('connecting')
    expect(mirrorStatus('source', null, past).state).toBe('failed')
    const parted = { ...synced, ...alone, connection: 'StandAlone' }
    expect(mirrorStatus('source', parted, past).state).toBe('failed')
    const broken = { ...synced, disk: 'Diskless' }
    expect(mirrorStatus('source', broken, past)).toMatchObject({ state: 'failed' })
    expect(mirrorStatus('source', { ...fresh, ...broken }, nothingSeen).state).not.toBe('failed')
  })
})

describe('the status of a mirror whose sides were told to part', () => {
  const parted = { ...synced, ...alone, connection: 'StandAlone', outOfSyncBytes: 512 }
  const past = { ...remember(nothingSeen, synced), isParted: true }

  it('is paused, with what differs', () => {
    expect(mirrorStatus('source', parted, past)).toMatchObject({
      ...{ state: 'paused', outOfSyncBytes: 512 },
    })
    const outdated = { ...parted, role: 'Secondary', disk: 'Outdated' } as const
    expect(mirrorStatus('target', outdated, past).state).toBe('paused')
  })

  it('is paused also for who has just begun to watch', () => {
    expect(mirrorStatus('source', parted, nothingSeen).state).toBe('paused')
  })
})

describe('the status of a mirror, seen from its target', () => {
  it('counts what was received, and is handed over when it is Primary', () => {
    const state: BlockReplicationState = {
      ...synced,
      ...{ role: 'Secondary', peerRole: 'Primary', sentBytes: 0, receivedBytes: 8192 },
    }
    expect(mirrorStatus('target', state, nothingSeen)).toEqual({
      ...{ state: 'synced', outOfSyncBytes: 0, sentBytes: 8192, reason: null },
    })
    const taken: BlockReplicationState = { ...state, role: 'Primary', peerRole: 'Secondary' }
    expect(mirrorStatus('target', taken, nothingSeen).state).toBe('handed-over')
  })
})

import { expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import type { MirrorStatus } from '../../ports/datapath.ts'
import type { ReplicationRecord } from './records.ts'
import { ReplicationWatcher } from './replication-watcher.ts'

const record: ReplicationRecord = {
  ...{ id: 'mirror', vdi: 'vdi-1', side: 'source', provider: 'drbd', sizeBytes: 1_000_000 },
  ...{ secret: 's', volumePath: '/dev/vg0/a', volumeFormat: 'raw', adopted: null, source: null },
  ...{ hello: null, isArmed: false, phase: 'running', keep: null, reason: null },
}

it('shows a speed only of a mirror that goes on', async () => {
  const clock = createSimulatedClock()
  let tell: (status: MirrorStatus) => void = () => {}
  const watcher = new ReplicationWatcher(clock, (_record, listener) => {
    tell = listener
    return () => {}
  })
  watcher.note(record)
  const status = { state: 'syncing', reason: null, sentBytes: 0, outOfSyncBytes: 900_000 } as const
  tell(status)
  await clock.advance(1_000)
  tell({ ...status, sentBytes: 300_000, outOfSyncBytes: 600_000 })
  expect(watcher.get('mirror')).toMatchObject({ bytesPerSecond: 300_000, etaMs: 2_000 })
  tell({ ...status, state: 'interrupted', sentBytes: 300_000, outOfSyncBytes: 600_000 })
  expect(watcher.get('mirror')).toMatchObject({ bytesPerSecond: 0, etaMs: null })
})

import type { Leftover } from '../../ports/storage-manager.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, VdiRecord } from './records.ts'
import type { ReplicationWatcher } from './replication-watcher.ts'
import type { Srs } from './srs.ts'

/** Everything of ours on this host, each with why it is there. What has no reason is a leftover. */
export async function listLeftovers(
  environment: StorageEnvironment,
  vdis: Records<VdiRecord>,
  srs: Srs,
  watcher: ReplicationWatcher,
): Promise<readonly Leftover[]> {
  const [inventory, records, volumes] = await Promise.all([
    environment.datapath.inventory(),
    vdis.list(),
    srs.volumes(),
  ])
  const reasonOf = (owner: string): string | null => {
    const replication = watcher.get(owner)
    if (replication) return `replication ${owner} of VDI ${replication.vdi} is ${replication.state}`
    const vdi = records.find(({ id }) => id === owner)
    if (!vdi || vdi.unfinished) return null
    if (vdi.state !== 'detached') return `VDI ${owner} is ${vdi.state}`
    return null
  }
  const kept = inventory.map(({ kind, name, owner }) => ({
    ...{ kind, name, owner },
    reason: reasonOf(owner),
  }))
  // A volume is somebody's disk, in use or not, unless it was being made or removed.
  const ours = volumes.filter(({ volume }) => volume.managed)
  const disks = ours.map(({ volume: { id, name } }) => {
    const record = records.find((candidate) => candidate.id === id)
    const state = record?.state ?? 'detached'
    const reason = record?.unfinished ? null : `it is the disk "${name}", ${state}`
    return { kind: 'volume', name: id, owner: id, reason }
  })
  return [...kept, ...disks]
}

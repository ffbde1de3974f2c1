import { isCrosspoolError } from '../../model/errors.ts'
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
  const disks = ours.map(({ sr, volume: { id, name } }) => {
    const record = records.find((candidate) => candidate.id === id)
    const state = record?.relocation?.sr === sr ? 'moving' : (record?.state ?? 'detached')
    const reason = record?.unfinished ? null : `it is the disk "${name}", ${state}`
    return { kind: 'volume', name: id, owner: id, reason }
  })
  return [...kept, ...disks]
}

/**
 * Removes what has no reason to be there and is not in use. Answers what has been removed, and what
 * could not be with why. `finish` completes what was begun on a volume.
 */
export async function cleanLeftovers(
  { datapath, log }: StorageEnvironment,
  list: () => Promise<readonly Leftover[]>,
  finish: (vdi: string) => Promise<void>,
): Promise<readonly Leftover[]> {
  const found = (await list()).filter(({ reason }) => reason === null)
  const failures = new Map<string, string>()
  const attempt = async (owner: string, remove: () => Promise<void>) => {
    try {
      await remove()
      log.info({ owner }, 'a leftover has been removed')
    } catch (error) {
      log.warn({ owner, error }, 'a leftover could not be removed')
      failures.set(owner, isCrosspoolError(error) ? error.message : 'it could not be removed')
    }
  }
  for (const owner of new Set(found.filter((item) => item.kind !== 'volume').map(ownerOf)))
    await attempt(owner, () => datapath.discard(owner))
  for (const owner of new Set(found.filter((item) => item.kind === 'volume').map(ownerOf)))
    await attempt(owner, () => finish(owner))
  return found.map((item) => ({ ...item, reason: failures.get(item.owner) ?? null }))
}

function ownerOf({ owner }: Leftover): string {
  return owner
}

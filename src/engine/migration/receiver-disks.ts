import { settleAll } from '../../lib/settle-all.ts'
import { isCrosspoolError } from '../../model/errors.ts'
import type { DiskPlan, ReceiveRequest } from '../../model/migration.ts'
import type { ReplicaTerms } from '../../model/replica.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { StorageManager } from '../../ports/storage-manager.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import type { ReceiverDisk, ReceiverRecord } from './receiver-record.ts'
import { noteReplica } from './vm-records.ts'

/** The receiver's disks as they will be made; ids are settled before anything is. */
export function planReceiverDisks(
  request: ReceiveRequest,
  plans: readonly DiskPlan[],
  random: Random,
): ReceiverDisk[] {
  return plans.map(({ slot, vdi, sr, sizeBytes, replicated, replica }) => ({
    slot,
    vdi: replica ?? (replicated ? random.uuid() : vdi),
    sr,
    name: request.disks.find((disk) => disk.slot === slot)?.name ?? slot,
    sizeBytes,
    created: replicated && replica === undefined,
    isReplica: replica !== undefined,
    device: null,
    uri: null,
    replication: null,
  }))
}

export async function prepareReceiverDisks(
  { storage }: ToolstackEnvironment,
  { disks, request }: ReceiverRecord,
): Promise<ReceiverDisk[]> {
  return settleAll(disks.map((disk) => prepareReceiverDisk(storage, disk, request.source)))
}

/** Makes (or attaches) one disk and, where it is to be replicated, its target. */
async function prepareReceiverDisk(
  storage: StorageManager,
  disk: ReceiverDisk,
  { replicationSchemes, storageFingerprint }: ReceiveRequest['source'],
): Promise<ReceiverDisk> {
  const { vdi, sr, name, sizeBytes, created } = disk
  if (disk.isReplica) {
    const offered = await storage.getReplicationTarget(vdi, replicationSchemes, storageFingerprint)
    const { uri, replication } = offered
    return { ...disk, device: (await storage.getVdi(vdi)).device, uri, replication }
  }
  if (created) await storage.createVdi({ id: vdi, sr, name, sizeBytes, willBeOverwritten: true })
  await storage.attach(vdi)
  const { device } = await storage.activate(vdi)
  if (!created) return { ...disk, device }
  const target = await storage.getReplicationTarget(vdi, replicationSchemes, storageFingerprint)
  return { ...disk, device, uri: target.uri, replication: target.replication }
}

export function handoverOfReceiver(disks: readonly ReceiverDisk[]) {
  return disks.map(({ vdi, replication }) => ({ vdi, replication }))
}

/**
 * The VM runs here: its disks become plain volumes beneath it, or have replicas from now on. Of one that stays where
 * it is (`target`) the disks here become replicas, and those that both hosts reach are let go.
 */
export async function settleReceiverDisks(
  { storage, store }: ToolstackEnvironment,
  record: ReceiverRecord,
  keep: ReplicaTerms | null,
  side: 'source' | 'target' = 'source',
): Promise<void> {
  const { disks, request } = record
  const { vm, source } = request
  await noteReplica(store, record, keep, side)
  const other = `${source.pool}/${source.host}`
  await settleAll<unknown>(
    disks.map(({ slot, vdi, replication }) => {
      if (!replication) return side === 'target' ? putAway(storage, vdi) : null
      if (!keep) return storage.stopReplication(replication, 'volume')
      const wanted = { vm: vm.id, slot, other, side, ...keep }
      return storage.keepReplication(replication, wanted).catch(unlessGone)
    }),
  )
}

/** Its host was started anew, or its time has come meanwhile: there is nothing to keep. */
export function unlessGone(error: unknown): void {
  if (!isCrosspoolError(error, 'NOT_FOUND')) throw error
}

/** Removes everything that was made; each part may be there or not. */
export async function removeReceiverDisks(
  storage: StorageManager,
  disks: readonly ReceiverDisk[],
): Promise<void> {
  const replications = await storage.listReplications()
  await settleAll(
    disks.map(async ({ vdi, created, isReplica }) => {
      // Found by its VDI: a crash may have come before the replication's id was recorded.
      for (const { id } of replications.filter((replication) => replication.vdi === vdi)) {
        if (isReplica) return await storage.keepReplication(id)
        await storage.stopReplication(id, 'nothing')
      }
      // A replica may have ended meanwhile, and what was given back have been activated for the VM.
      const isThere = await putAway(storage, vdi)
      if (isThere && created) await storage.destroyVdi(vdi)
    }),
  )
}

/** Answers whether there is such a VDI. */
async function putAway(storage: StorageManager, vdi: string): Promise<boolean> {
  const known = (await storage.listVdis()).find(({ id }) => id === vdi)
  if (known?.state === 'activated') await storage.deactivate(vdi)
  if (known?.state === 'activated' || known?.state === 'attached') await storage.detach(vdi)
  return known !== undefined
}

/** Repeats `work` until it succeeds: for what must not be left undone. */
export async function insist(
  clock: Clock,
  work: () => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 30_000)) {
    try {
      return await work()
    } catch (error) {
      onFailure(error)
      await clock.sleep(pauseMs)
    }
  }
}

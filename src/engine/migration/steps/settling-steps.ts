import { settleAll } from '../../../lib/settle-all.ts'
import { CrosspoolError, isCrosspoolError } from '../../../model/errors.ts'
import type { ReplicaTerms } from '../../../model/replica.ts'
import type { StorageManager } from '../../../ports/storage-manager.ts'
import type { ToolstackEnvironment } from '../../environment.ts'
import type { Step } from '../../operation/step.ts'
import type { MigratingDisk, MigrationContext, MigrationMemo } from '../memo.ts'
import { unlessGone } from '../receiver-disks.ts'
import { readReplica, removeReplica, saveReplica } from '../replica-records.ts'
import { readVmRecord, removeVmRecord } from '../vm-records.ts'
import { countWritesThere } from '../write-latency.ts'
import { destinationOf } from './handover-steps.ts'

/**
 * Takes the mirrors out on both sides; the destination's disks are then plain volumes again. Before
 * the paused copy is removed: what is held back for it fails now, and cannot block its removal.
 */
export function takeMirrorsOut(environment: ToolstackEnvironment): Step<MigrationContext> {
  const { storage } = environment
  return {
    name: 'unmirror',
    weight: 2,
    forwards: 'always',
    async run(context) {
      const { memo, live } = context
      for (const stop of live.stopWatching.values()) stop()
      const { peer, id, token } = destinationOf(environment, memo)
      // There first, which waits for the guest; and where the VM is it must be noted what it writes, before anybody here lets go.
      await peer.close(id, token, memo.keep)
      // Its time begins when the paused copy has gone: until then nothing may be given back that a boot could start it from.
      if (memo.keep) await keepHere(storage, memo, { ...memo.keep, forMs: null }, 'target')
      else
        await settleAll(
          memo.disks.map(({ replication }) =>
            replication ? storage.stopReplication(replication, 'nothing') : null,
          ),
        )
      live.heartbeat?.stop()
      await countWritesThere(environment, context)
    },
  }
}

async function keepHere(
  storage: StorageManager,
  { disks, vm, to }: MigrationMemo,
  keep: ReplicaTerms,
  side: 'source' | 'target',
): Promise<void> {
  const other = `${to.pool}/${to.host}`
  await settleAll(
    disks.map(({ slot, replication }) => {
      const wanted = { vm: vm.id, slot, other, side, ...keep }
      return replication ? storage.keepReplication(replication, wanted).catch(unlessGone) : null
    }),
  )
}

/** The VM stays where it is, and the destination keeps replicas of its disks. */
export function keepCopies(environment: ToolstackEnvironment): Step<MigrationContext> {
  const { clock, storage } = environment
  return {
    name: 'keep',
    weight: 1,
    async run({ memo, live }) {
      for (const stop of live.stopWatching.values()) stop()
      if (!memo.keep) throw new CrosspoolError('NOT_FOUND', { kind: 'replica', id: memo.vm.id })
      const { peer, id, token } = destinationOf(environment, memo)
      const { vm, to, epoch, keep } = memo
      const record = { vm: vm.id, name: vm.name, other: `${to.pool}/${to.host}`, definition: null }
      if (keep.mode === 'every-write')
        await saveReplica(environment.store, { ...record, here: 'disk', epoch })
      await keepHere(storage, memo, keep, 'source')
      await peer.close(id, token, memo.keep)
      live.heartbeat?.stop()
      memo.figures.totalMs = Math.round(clock.now() - memo.startedAtMs)
    },
  }
}

/** The VM runs at the destination: the paused copy here is removed. */
export function forgetVm({ hypervisor, store }: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'forget',
    weight: 1,
    forwards: 'always',
    async run({ memo, live }) {
      // What it can be started from went with it; nobody may start it here again.
      const known = await readVmRecord(store, memo.vm.id)
      if (memo.keep && memo.disks.some(({ replicated }) => replicated)) {
        // Until the replica ends it can be given back here, with what it can be started from.
        const other = `${memo.to.pool}/${memo.to.host}`
        const before = await readReplica(store, memo.vm.id)
        const definition = known?.definition ?? before?.definition ?? null
        const { epoch } = memo
        await saveReplica(store, {
          ...{ vm: memo.vm.id, name: memo.vm.name, here: 'replica' },
          other,
          epoch,
          definition,
        })
      } else await removeReplica(store, memo.vm.id)
      await removeVmRecord(store, memo.vm.id)
      // After a restart there is no sender any more, only the paused VM.
      await (live.outgoing ? live.outgoing.forget() : hypervisor.destroy(memo.vm.id))
    },
  }
}

/** The source's disks: those that Crosspool made go, unless they are to stay; the administrator's always stay. */
export function putDisksAway(environment: ToolstackEnvironment): Step<MigrationContext> {
  const { clock, storage } = environment
  const putAway = async (
    { vdi, toAdopt, managed, replicated }: MigratingDisk,
    { keep: replica, request }: MigrationMemo,
  ): Promise<boolean> => {
    const keep = request.keepSourceDisks
    // After a restart of this host there may be no replica any more: then the disk goes as any other.
    if (replica && replicated && (await storage.getVdi(vdi)).replication !== null) {
      // One of the administrator's stays fenced, and is given back when the replica ends.
      if (!toAdopt) await storage.deactivate(vdi)
      return true
    }
    if (toAdopt) await storage.disown(vdi)
    else await storage.deactivate(vdi).then(() => storage.detach(vdi))
    const stays = keep || !managed || !replicated
    if (!stays) await storage.destroyVdi(vdi)
    return stays
  }
  return {
    name: 'put-away',
    weight: 1,
    forwards: 'always',
    async run(context) {
      const { memo } = context
      const stayed = await settleAll(
        memo.disks.map(async (disk) => {
          const stays = await putAway(disk, memo).catch((error: unknown) => {
            // Destroyed by an earlier try that could not be recorded.
            if (isCrosspoolError(error, 'NOT_FOUND')) return false
            throw error
          })
          return stays && disk.replicated ? [disk.vdi] : []
        }),
      )
      memo.keptDisks = stayed.flat()
      if (memo.keep) await keepHere(storage, memo, memo.keep, 'target')
      await countWritesThere(environment, context)
      memo.figures.totalMs = Math.round(clock.now() - memo.startedAtMs)
    },
  }
}

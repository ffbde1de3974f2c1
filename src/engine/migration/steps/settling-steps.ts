import { settleAll } from '../../../lib/settle-all.ts'
import { isCrosspoolError } from '../../../model/errors.ts'
import type { ToolstackEnvironment } from '../../environment.ts'
import type { Step } from '../../operation/step.ts'
import type { MigratingDisk, MigrationContext } from '../memo.ts'
import { removeVmRecord } from '../vm-records.ts'
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
      const here = memo.disks.map(({ replication }) =>
        replication ? storage.stopReplication(replication, 'nothing') : null,
      )
      const { peer, id, token } = destinationOf(environment, memo)
      await settleAll<unknown>([...here, peer.close(id, token)])
      live.heartbeat?.stop()
      await countWritesThere(environment, context)
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
    keep: boolean,
  ): Promise<boolean> => {
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
          const stays = await putAway(disk, memo.request.keepSourceDisks).catch(
            (error: unknown) => {
              // Destroyed by an earlier try that could not be recorded.
              if (isCrosspoolError(error, 'NOT_FOUND')) return false
              throw error
            },
          )
          return stays && disk.replicated ? [disk.vdi] : []
        }),
      )
      memo.keptDisks = stayed.flat()
      await countWritesThere(environment, context)
      memo.figures.totalMs = Math.round(clock.now() - memo.startedAtMs)
    },
  }
}

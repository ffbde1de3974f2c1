import { settleAll } from '../../../lib/settle-all.ts'
import { CrosspoolError, isCrosspoolError } from '../../../model/errors.ts'
import { isSynchronous, type Replication } from '../../../model/replication.ts'
import type { StorageManager } from '../../../ports/storage-manager.ts'
import type { ToolstackEnvironment } from '../../environment.ts'
import type { Step } from '../../operation/step.ts'
import { limitDisks } from '../limit-disks.ts'
import type { MigrationContext } from '../memo.ts'

/** A VM that was started without us keeps its device; from here on the storage manager may slide a mirror beneath it. */
export function adoptDisks({ storage }: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'adopt',
    weight: 0,
    async run({ memo }) {
      const toAdopt = memo.disks.filter((disk) => disk.toAdopt)
      await settleAll(toAdopt.map(({ vdi, device }) => storage.adopt(vdi, device)))
    },
    async undo({ memo }) {
      const toAdopt = memo.disks.filter((disk) => disk.toAdopt)
      await settleAll(toAdopt.map(({ vdi }) => storage.disown(vdi)))
    },
  }
}

/** VDI.replicate_to with each disk's URI, all at once. */
export function replicateDisks({ storage }: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'replicate',
    weight: 1,
    async run(context) {
      const replicated = context.memo.disks.flatMap((disk) =>
        disk.uri === null ? [] : [{ disk, uri: disk.uri }],
      )
      await settleAll(
        replicated.map(async ({ disk, uri }) => {
          const replication = await storage.replicateTo(disk.vdi, uri)
          disk.replication = replication.id
        }),
      )
      if (context.memo.bytesPerSecondMax !== null) await limitDisks(storage, context.memo)
      await context.save()
    },
    async undo({ memo, live }) {
      for (const stop of live.stopWatching.values()) stop()
      await settleAll(
        memo.disks.map(async ({ vdi, uri, replica }) => {
          // The record of a replication that was started in a lost moment is found by its VDI.
          const replication = uri === null ? null : (await storage.getVdi(vdi)).replication
          // One that it had before is another one.
          if (!replication || !uri?.includes(`/${replication}?`)) return
          if (replica === undefined) await storage.stopReplication(replication, 'volume')
          else await keepAgain(storage, replication)
        }),
      )
    },
  }
}

/** Where the source had forgotten its replica, the copy to its place began anew: there is nothing to go back to. */
async function keepAgain(storage: StorageManager, replication: string): Promise<void> {
  await storage.keepReplication(replication).catch(async (error: unknown) => {
    const isUnknown = isCrosspoolError(error, 'WRONG_STATE') || isCrosspoolError(error, 'NOT_FOUND')
    if (!isUnknown) throw error
    await storage.stopReplication(replication, 'volume')
  })
}

/** Waits until every acknowledged write is on both sides and every next one will be. Memory waits for this. */
export function synchroniseDisks(environment: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'synchronise',
    weight: 50,
    async run(context) {
      const { memo, live, signal } = context
      const startedMs = environment.clock.monotonicMs()
      await settleAll(
        memo.disks.map(({ vdi, replication }) => {
          if (replication === null) return Promise.resolve()
          return untilSynchronous(environment, context, vdi, replication)
        }),
      )
      signal.throwIfAborted()
      memo.figures.syncMs = Math.round(environment.clock.monotonicMs() - startedMs)
      memo.figures.bytesReplicated = sentBytes(live.replications)
    },
  }
}

/** Goes on watching after it has resolved: the handover asks what was seen last. */
function untilSynchronous(
  { storage }: ToolstackEnvironment,
  context: MigrationContext,
  vdi: string,
  id: string,
): Promise<void> {
  const { live, signal } = context
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    const stop = storage.watchReplication(id, (replication) => {
      live.replications.set(vdi, replication)
      context.progress(syncedFraction(context))
      if (isSynchronous(replication)) resolve()
      if (replication.state !== 'failed' && replication.state !== 'stopped') return
      const state = `${replication.state}: ${replication.reason ?? 'no reason given'}`
      const lost = new CrosspoolError('REPLICATION_LOST', { id, state })
      reject(lost)
      context.abort(lost)
    })
    live.stopWatching.set(vdi, stop)
  })
}

function syncedFraction({ memo, live }: MigrationContext): number {
  const replicated = memo.disks.filter(({ replication }) => replication !== null)
  const total = replicated.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const left = replicated.reduce(
    (sum, { vdi, sizeBytes }) => sum + (live.replications.get(vdi)?.outOfSyncBytes ?? sizeBytes),
    0,
  )
  return total === 0 ? 1 : 1 - left / total
}

export function sentBytes(replications: ReadonlyMap<string, Replication>): number {
  return [...replications.values()].reduce((sum, replication) => sum + replication.sentBytes, 0)
}

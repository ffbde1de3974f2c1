import { settleAll } from '../../../lib/settle-all.ts'
import { CrosspoolError, isCrosspoolError } from '../../../model/errors.ts'
import type { StorageManager } from '../../../ports/storage-manager.ts'
import type { ToolstackEnvironment } from '../../environment.ts'
import type { Step } from '../../operation/step.ts'
import { readOwnership, refuseIfClaimed, writeOwnership } from '../epochs.ts'
import { handoverOf, type MigrationContext, type MigrationMemo } from '../memo.ts'
import { sentBytes } from './disk-steps.ts'

/**
 * The source lets go: disks drained, fenced and Secondary, side by side with the rest of the memory; then, durably, the VM
 * belongs to the next epoch. The last step that can be undone without the destination's word.
 */
export function releaseDisks(environment: ToolstackEnvironment): Step<MigrationContext> {
  const { clock, storage, store } = environment
  return {
    name: 'release',
    weight: 1,
    uncancellable: true,
    async run({ memo, live, operation, signal }) {
      signal.throwIfAborted()
      const startedMs = clock.monotonicMs()
      await settleAll([
        memo.disks.length ? storage.releaseDisks(handoverOf(memo)) : null,
        live.outgoing?.paused,
      ])
      await writeOwnership(store, memo.vm.id, { epoch: memo.epoch, state: 'released', operation })
      memo.figures.releaseMs = Math.round(clock.monotonicMs() - startedMs)
    },
    async undo({ memo, operation }) {
      const { epoch, state } = await readOwnership(store, memo.vm.id)
      if (epoch > memo.epoch) await takeBackAlone(storage, memo)
      else if (memo.disks.length) await takeBack(environment, memo)
      if (epoch === memo.epoch && state === 'released') {
        await writeOwnership(store, memo.vm.id, { epoch, state: 'owned', operation })
      }
      memo.figures.releaseMs = null
    },
  }
}

/**
 * A destination that has refused removes its end of the mirrors, and then its storage cannot be asked any more.
 * Its xapi can: it answers once the refusal is durable and nothing is left there that could write.
 */
async function takeBack(environment: ToolstackEnvironment, memo: MigrationMemo): Promise<void> {
  const { storage } = environment
  try {
    await storage.reclaimDisks(handoverOf(memo))
  } catch (error) {
    if (!isCrosspoolError(error, 'HANDOVER_REFUSED')) throw error
    const { peer, id, token } = destinationOf(environment, memo)
    await peer.abort(id, token, 'the source takes its disks back')
    await takeBackAlone(storage, memo)
  }
}

/** The VM is this host's again, or certainly nobody else's: its disks are taken back without the word of the other side. */
async function takeBackAlone(storage: StorageManager, memo: MigrationMemo): Promise<void> {
  await settleAll(
    memo.disks.map(async (disk) => {
      if (disk.replication) await storage.stopReplication(disk.replication, 'volume')
      disk.replication = null
    }),
  )
  if (memo.disks.length) await storage.reclaimDisks(handoverOf(memo))
}

/** The destination takes the disks and, where nothing more has to be sent, runs the VM. */
export function takeThere(environment: ToolstackEnvironment): Step<MigrationContext> {
  const { clock, hypervisor } = environment
  return {
    name: 'take',
    weight: 1,
    forwards: 'until-refused',
    async run({ memo, live }) {
      await refuseIfClaimed(environment.store, memo.vm.id, memo.epoch)
      const { peer, id, token } = destinationOf(environment, memo)
      const startedMs = clock.monotonicMs()
      const request = { epoch: memo.epoch, start: !hypervisor.capabilities.sendsAfterHandover }
      const [taken] = await Promise.all([
        peer.take(id, token, request),
        finishSending(environment, memo, live.outgoing),
      ])
      memo.figures.takeMs = Math.round(clock.monotonicMs() - startedMs)
      if (taken.state === 'running') markRunning(environment, { memo, live })
    },
  }
}

/** What is left of the VM's state; if it cannot be sent, the destination must refuse before the source may go on. */
async function finishSending(
  environment: ToolstackEnvironment,
  memo: MigrationMemo,
  outgoing: { finish(): Promise<void> } | null,
) {
  try {
    await outgoing?.finish()
  } catch (error) {
    const { peer, id, token } = destinationOf(environment, memo)
    const reason = 'the rest of the memory could not be sent'
    await peer.abort(id, token, reason)
    throw new CrosspoolError('HANDOVER_REFUSED', { reason }, error)
  }
}

/** Where state had to be sent after the disks' handover, the VM starts only now. */
export function startThere(environment: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'start',
    weight: 1,
    forwards: 'until-refused',
    async run({ memo, live }) {
      if (memo.figures.pausedMs !== null) return
      await refuseIfClaimed(environment.store, memo.vm.id, memo.epoch)
      const { peer, id, token } = destinationOf(environment, memo)
      await peer.start(id, token)
      markRunning(environment, { memo, live })
    },
  }
}

function markRunning(
  { clock }: ToolstackEnvironment,
  { memo, live }: Pick<MigrationContext, 'memo' | 'live'>,
): void {
  const { figures } = memo
  const now = clock.monotonicMs()
  figures.pausedMs = live.pausedAtMs === null ? 0 : Math.round(now - live.pausedAtMs)
  figures.handoverMs = (figures.releaseMs ?? 0) + (figures.takeMs ?? 0)
  figures.bytesReplicated = Math.max(figures.bytesReplicated, sentBytes(live.replications))
  figures.memoryBytesCrossed = live.crossedBytes()
}

export function destinationOf(
  { peers }: ToolstackEnvironment,
  { destinationUrl, receiver }: MigrationMemo,
) {
  if (!receiver) throw new CrosspoolError('NOT_FOUND', { kind: 'receiver', id: '' })
  return { peer: peers.connect(destinationUrl), ...receiver }
}

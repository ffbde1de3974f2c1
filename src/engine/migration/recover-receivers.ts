import { isCrosspoolError } from '../../model/errors.ts'
import type { Hypervisor } from '../../ports/hypervisor.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import type { ReceiverLives } from './receiver-lives.ts'
import { isTheSources, listReceivers, type ReceiverRecord } from './receiver-record.ts'

/**
 * After a restart nothing live is left. What waits for its memory goes on waiting, as long as its
 * source still beats. What certainly never ran here is refused: `starting` is recorded before any
 * start. What is half removed is removed. `run` finds out whether a VM runs that was told to.
 */
export async function recoverReceivers(
  environment: ToolstackEnvironment,
  lives: ReceiverLives,
  run: (record: ReceiverRecord) => Promise<unknown>,
): Promise<void> {
  const { store, log } = environment
  for (const record of await listReceivers(store)) {
    if (isWaiting(record) && (await raiseDisks(environment, record))) lives.begin(record)
    else if (isTheSources(record.state) || record.state === 'owned')
      await lives.refuse(record.id, 'the daemon was restarted')
    if (record.state === 'aborted' && !record.cleaned) await lives.clean(record)
    if (record.state !== 'starting') continue
    await run(record).catch((error: unknown) => {
      const { operation } = record.request
      log.error(
        { operation, receiver: record.id, error },
        'nobody can tell yet whether the VM ran here',
      )
    })
  }
}

/** Its disks are made, and nothing has been held in memory for it yet. */
function isWaiting({ state, disks }: ReceiverRecord): boolean {
  return state === 'reserved' && disks.every(({ device }) => device !== null)
}

/**
 * The host may have been started anew, and the storage manager not be there yet. Answers whether the
 * disks are as they were.
 */
async function raiseDisks(
  { clock, storage, log }: ToolstackEnvironment,
  { disks, request }: ReceiverRecord,
): Promise<boolean> {
  const untilMs = clock.monotonicMs() + Math.min(request.heartbeatDeadlineMs, raisePatienceMs)
  for (;;) {
    try {
      for (const { vdi } of disks) {
        await storage.attach(vdi)
        await storage.activate(vdi)
      }
      return true
    } catch (error) {
      if (isCrosspoolError(error, 'PEER_UNREACHABLE') && clock.monotonicMs() < untilMs) {
        await clock.sleep(raisePauseMs)
        continue
      }
      log.warn({ operation: request.operation, error }, 'the disks could not be brought up again')
      return false
    }
  }
}

const raisePatienceMs = 120_000
const raisePauseMs = 1_000

/** After a restart there is no handle, and only the hypervisor knows how far the start had come. */
export async function resumeReceived(hypervisor: Hypervisor, vm: string): Promise<void> {
  try {
    await hypervisor.resume(vm)
  } catch (error) {
    // Its guest has ended since, so it did run here.
    if (!isCrosspoolError(error, 'WRONG_STATE')) throw error
  }
}

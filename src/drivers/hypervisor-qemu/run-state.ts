import { z } from 'zod'
import { type Qmp, QmpError } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmState } from '../../model/vm.ts'
import { within } from '../../ports/deadlines.ts'
import type { QemuContext } from './qemu-context.ts'

const statusSchema = z.object({ status: z.string() })
const migrationSchema = z.object({
  status: z.string().optional(),
  'error-desc': z.string().optional(),
  ram: z
    .object({
      total: z.number(),
      transferred: z.number(),
      duplicate: z.number(),
      'dirty-sync-count': z.number().optional(),
      'page-size': z.number().default(4096),
    })
    .optional(),
})
export type MigrationFacts = z.infer<typeof migrationSchema>

type Timing = Pick<QemuContext, 'clock' | 'limits'>

/** QEMU's run states: https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html */
const states: Readonly<Record<string, VmState>> = {
  running: 'running',
  'finish-migrate': 'suspended',
  postmigrate: 'suspended',
  shutdown: 'shutdown',
  'internal-error': 'crashed',
  'guest-panicked': 'crashed',
}

/** The other run states are all some kind of pause: by somebody, for a debugger, for an I/O error. */
export function vmStateOf(runState: string): VmState {
  return states[runState] ?? 'paused'
}

export async function queryRunState(context: Timing, qmp: Qmp): Promise<string> {
  return statusSchema.parse(await ask(context, qmp, 'query-status')).status
}

export async function queryMigration(context: Timing, qmp: Qmp): Promise<MigrationFacts> {
  return migrationSchema.parse(await ask(context, qmp, 'query-migrate'))
}

export async function ask(context: Timing, qmp: Qmp, command: string): Promise<unknown> {
  const { answerMs } = context.limits
  return await within(context.clock, answerMs, `the answer to ${command}`, qmp.execute(command))
}

const unfinished = new Set(['setup', 'active', 'pre-switchover', 'device', 'cancelling'])
const pauseMs = 20

export async function isMigrating(context: Timing, qmp: Qmp): Promise<boolean> {
  return unfinished.has((await queryMigration(context, qmp)).status ?? 'none')
}

/**
 * Sees to it that this VM runs here, wherever its migration stands; the socket to which QEMU sends it is closed.
 * `isSwitching`: it was told to go on with the switchover. @throws WRONG_STATE when the guest has ended by itself
 *
 * From then on nobody may cancel: QEMU 7.2 would believe that it has its disks back, let go of them a moment later
 * and run the guest, which ends it at the next write (`block_inactive` in
 * https://gitlab.com/qemu-project/qemu/-/blob/v7.2.22/migration/migration.c). Without its socket it fails by itself,
 * and takes its disks back.
 */
export async function bringToRun(
  context: Timing,
  vm: string,
  qmp: Qmp,
  isSwitching = false,
): Promise<void> {
  const { clock, limits } = context
  const untilMs = clock.monotonicMs() + limits.stepMs
  for (;;) {
    const { status = 'none' } = await queryMigration(context, qmp)
    const isOver = !unfinished.has(status)
    if (status === 'cancelling') await wakeFromPause(qmp)
    else if (!isOver && !isSwitching && status !== 'device') await qmp.execute('migrate_cancel')
    const runState = await queryRunState(context, qmp)
    if (isOver && runState === 'running') return
    const state = vmStateOf(runState)
    if (state === 'shutdown' || state === 'crashed') throw hasEnded(vm, state)
    // Right after a cancelled migration QEMU runs the guest by itself, or says that it is too early.
    if (isOver && (await continued(qmp))) {
      await announce(qmp)
      return
    }
    if (clock.monotonicMs() > untilMs)
      throw new CrosspoolError('DEADLINE_PASSED', {
        what: `${vm} running again (it is ${runState}, its migration ${status})`,
        timeoutMs: limits.stepMs,
      })
    await clock.sleep(pauseMs)
  }
}

/**
 * QEMU 7.2 that is cancelled in the moment in which it stops the guest goes on to wait for the word to continue, with the
 * guest standing still. It needs that word to see that it has been cancelled; where it does not wait, the word is lost.
 */
async function wakeFromPause(qmp: Qmp): Promise<void> {
  await qmp.execute('migrate-continue', { state: 'cancelling' }).catch((error: unknown) => {
    if (!(error instanceof QmpError)) throw error
  })
}

/** Switches of the network learn that this is where the guest answers now. */
export async function announce(qmp: Qmp): Promise<void> {
  const fields = { initial: 50, max: 550, rounds: 5, step: 100 }
  // The guest runs; that a switch learns it a little later is no reason to fail.
  await qmp.execute('announce-self', fields).catch(() => {})
}

async function continued(qmp: Qmp): Promise<boolean> {
  try {
    await qmp.execute('cont')
    return true
  } catch (error) {
    if (error instanceof QmpError && /not finalized/.test(error.reason)) return false
    throw error
  }
}

export function hasEnded(id: string, state: VmState): CrosspoolError {
  const details = { kind: 'vm', id, state, operation: 'resume', needed: 'suspended' }
  return new CrosspoolError('WRONG_STATE', details)
}

import { type Qmp, QmpClosedError, QmpError } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { within } from '../../ports/deadlines.ts'
import { refuseStart } from '../../ports/incoming-vm.ts'
import { endProcess } from './process.ts'
import type { QemuContext } from './qemu-context.ts'
import { announce, queryMigration, queryRunState } from './run-state.ts'
import {
  complaintOf,
  incomingMark,
  markIncoming,
  unmarkIncoming,
  type VmFolder,
  vmFolder,
} from './vm-folder.ts'

/**
 * Runs a copy whose memory is across; also one that an earlier daemon has received.
 * @throws HANDOVER_REFUSED when it has certainly never run here: then nothing is left that could,
 * but the knowledge stays in its folder until the VM is destroyed
 */
export async function startIncoming(context: QemuContext, vm: string): Promise<void> {
  const folder = vmFolder(context.directory, vm)
  const qmp = await context.monitors.open(vm)
  const state = qmp === null ? 'ended' : await stateOf(context, qmp)
  if (qmp === null || state === 'ended')
    return await refuseUnlessTold(context, folder, 'its QEMU has ended')
  if (state === 'without memory')
    return await refuseUnlessTold(context, folder, 'its memory is not across')
  if (state === 'waiting') await run(context, folder, qmp)
  await unmarkIncoming(folder)
  await announce(qmp)
  context.monitors.changed()
}

async function stateOf(context: QemuContext, qmp: Qmp) {
  try {
    const [runState, { status }] = await Promise.all([
      queryRunState(context, qmp),
      queryMigration(context, qmp),
    ])
    if (runState === 'running') return 'running'
    return status === 'completed' ? 'waiting' : 'without memory'
  } catch (error) {
    if (error instanceof QmpClosedError) return 'ended'
    throw error
  }
}

async function run(context: QemuContext, folder: VmFolder, qmp: Qmp): Promise<void> {
  await markIncoming(folder, 'told')
  const told = qmp.execute('cont').catch(async (error: unknown) => {
    if (!(error instanceof QmpError)) throw uncertain('QEMU ended when it was told to run it')
    // QEMU says no before it runs anything, for example when a disk cannot be written.
    await markIncoming(folder, 'held')
    await refuseUnlessTold(context, folder, error.reason)
  })
  await within(context.clock, context.limits.stepMs, 'QEMU to run the VM', told)
}

/** A VM that has been told to run may have run, whatever became of it. */
async function refuseUnlessTold(
  context: QemuContext,
  folder: VmFolder,
  reason: string,
): Promise<never> {
  const complaint = new Error(await complaintOf(folder))
  if ((await incomingMark(folder)) !== 'held') throw uncertain(reason)
  await endProcess(context, folder)
  context.monitors.changed()
  return refuseStart(reason, complaint)
}

function uncertain(output: string): CrosspoolError {
  return new CrosspoolError('COMMAND_FAILED', { command: 'cont', how: 'no answer', output })
}

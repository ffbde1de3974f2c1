import { QmpClosedError } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmState } from '../../model/vm.ts'
import { type FoundVm, findVm } from './list-vms.ts'
import type { QemuContext } from './qemu-context.ts'
import { isMigrating, queryRunState } from './run-state.ts'

/** Acts on a VM that nobody is sending; a copy that was received and not yet run is no VM of this host. */
async function actOn(
  context: QemuContext,
  id: string,
  { operation, needed }: { readonly operation: string; readonly needed: readonly VmState[] },
  act: (found: FoundVm) => Promise<void>,
): Promise<void> {
  await context.lock.run([id], async () => {
    const found = await findVm(context, id)
    const { state } = found.facts
    if (context.sending.has(id) || (await isMigrating(context, found.qmp)))
      throw new CrosspoolError('BUSY', { kind: 'vm', id, user: 'a migration' })
    if (!needed.includes(state)) {
      const details = { kind: 'vm', id, state, operation, needed: needed.join(' or ') }
      throw new CrosspoolError('WRONG_STATE', details)
    }
    await act(found)
  })
  context.monitors.changed()
}

/** Presses the power button; what the guest makes of that is its own affair. */
export async function shutdownVm(context: QemuContext, id: string): Promise<void> {
  await actOn(context, id, { operation: 'shutdown', needed: ['running'] }, async ({ qmp }) => {
    // An earlier reboot that the guest has not followed yet must not bring it back.
    await qmp.execute('set-action', { shutdown: 'poweroff' })
    await qmp.execute('system_powerdown')
  })
}

export async function resetVm(context: QemuContext, id: string): Promise<void> {
  const asked = { operation: 'reboot', needed: ['running', 'paused'] as const }
  await actOn(context, id, asked, async ({ qmp }) => {
    await qmp.execute('system_reset')
    await qmp.execute('cont')
  })
}

export async function pauseVm(context: QemuContext, id: string): Promise<void> {
  const asked = { operation: 'pause', needed: ['running', 'paused'] as const }
  await actOn(context, id, asked, async ({ qmp }) => void (await qmp.execute('stop')))
}

export async function unpauseVm(context: QemuContext, id: string): Promise<void> {
  const asked = { operation: 'unpause', needed: ['running', 'paused'] as const }
  await actOn(context, id, asked, async ({ qmp, facts }) => {
    if (facts.state === 'paused') await qmp.execute('cont')
  })
}

/**
 * There is no button that asks a guest to reboot, so it is asked to shut down, and QEMU not to end
 * then but to wait; what has waited is reset. A guest that takes too long is forgotten: a shutdown
 * of its own, much later, is one.
 */
export async function rebootVm(context: QemuContext, id: string): Promise<void> {
  await actOn(context, id, { operation: 'reboot', needed: ['running'] }, async (found) => {
    await found.qmp.execute('set-action', { shutdown: 'pause' })
    await found.qmp.execute('system_powerdown')
    void startAnew(context, found).catch(() => {})
  })
}

async function startAnew(context: QemuContext, { qmp }: FoundVm): Promise<void> {
  const { clock, limits } = context
  const untilMs = clock.monotonicMs() + limits.rebootMs
  try {
    while ((await queryRunState(context, qmp)) !== 'shutdown') {
      if (clock.monotonicMs() > untilMs) return
      await clock.sleep(pauseMs)
    }
    await qmp.execute('system_reset')
    // The reset itself happens a little later, and before it nothing runs.
    while ((await queryRunState(context, qmp)) === 'shutdown') await clock.sleep(pauseMs)
    await qmp.execute('cont')
  } catch (error) {
    if (!(error instanceof QmpClosedError)) throw error
  } finally {
    await qmp.execute('set-action', { shutdown: 'poweroff' }).catch(() => {})
  }
}

const pauseMs = 100

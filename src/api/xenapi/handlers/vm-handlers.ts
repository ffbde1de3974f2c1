import { type Vm, vmCreateSchema } from '../../../model/vm.ts'
import type { vmCalls } from '../calls/vm-calls.ts'
import { XenApiFailure } from '../failure.ts'
import { identities } from '../view/identities.ts'
import { badPowerState, type PowerState, powerStateOf } from '../view/vm-objects.ts'
import { findVm } from './find-objects.ts'
import type { CallHandlers, FaceParts } from './handler.ts'
import { readDocument } from './migration-handlers.ts'

/** As long as xapi waits for a guest. */
const shutdownMs = 1_200_000
const pollMs = 500

export function vmHandlers(parts: FaceParts): CallHandlers<typeof vmCalls> {
  const { toolstack } = parts.backend

  /** What is asked of a VM in one of these states. */
  async function act(
    ref: string,
    needed: readonly [PowerState, ...PowerState[]],
    work: (vm: Vm) => Promise<unknown>,
  ): Promise<string> {
    const vm = await findVm(parts, ref)
    if (!needed.includes(powerStateOf(vm.state))) throw badPowerState(vm, needed[0])
    await work(vm).finally(() => parts.view.changed())
    return ''
  }

  const start = (ref: string, isPaused: boolean) =>
    act(ref, ['Halted'], ({ id }) => {
      if (isPaused) throw new XenApiFailure('NOT_IMPLEMENTED', 'VM.start with start_paused')
      return toolstack.startHaltedVm(id)
    })

  const shutDown = async ({ id }: Vm) => {
    await toolstack.shutdownVm(id)
    await untilHalted(parts, id)
  }

  return {
    'VM.start_new': async ({ definition }) => {
      const { id } = await toolstack.startVm(readDocument('definition', vmCreateSchema, definition))
      parts.view.changed()
      return identities.vm(id).ref
    },
    'VM.start': ({ vm, start_paused }) => start(vm, start_paused),
    'VM.start_on': ({ vm, host, start_paused }) => {
      const { pool, host: name } = parts.backend.environment
      if (host !== identities.host({ pool, name }).ref)
        throw new XenApiFailure('OPERATION_NOT_ALLOWED', 'the VM can only start on this host')
      return start(vm, start_paused)
    },
    'VM.clean_shutdown': ({ vm }) => act(vm, ['Running'], shutDown),
    'VM.shutdown': ({ vm }) =>
      act(vm, ['Running', 'Paused', 'Suspended'], (found) =>
        shutDown(found).catch(() => toolstack.destroyVm(found.id)),
      ),
    'VM.hard_shutdown': async ({ vm }) => {
      const found = await findVm(parts, vm)
      // One that has crashed looks halted, and its hypervisor still holds it.
      if (found.state === 'halted') throw badPowerState(found, 'Running')
      await toolstack.destroyVm(found.id)
      parts.view.changed()
      return ''
    },
    'VM.clean_reboot': ({ vm }) =>
      act(vm, ['Running'], ({ id }) => toolstack.rebootVm(id, 'clean')),
    'VM.hard_reboot': ({ vm }) =>
      act(vm, ['Running', 'Paused'], ({ id }) => toolstack.rebootVm(id, 'hard')),
    'VM.pause': ({ vm }) => act(vm, ['Running'], ({ id }) => toolstack.pauseVm(id)),
    'VM.unpause': ({ vm }) => act(vm, ['Paused'], ({ id }) => toolstack.unpauseVm(id)),
    'VM.destroy': ({ self }) => act(self, ['Halted'], ({ id }) => toolstack.forgetVm(id)),
  }
}

async function untilHalted({ backend, closing }: FaceParts, id: string): Promise<void> {
  const { clock } = backend.environment
  const untilMs = clock.monotonicMs() + shutdownMs
  for (;;) {
    const vm = (await backend.toolstack.listVms()).find((candidate) => candidate.id === id)
    if (!vm || powerStateOf(vm.state) === 'Halted') return
    if (clock.monotonicMs() > untilMs)
      throw new XenApiFailure('VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT', identities.vm(id).ref)
    await clock.sleep(pollMs, closing)
  }
}

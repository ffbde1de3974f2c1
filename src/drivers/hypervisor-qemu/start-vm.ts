import { hostname } from 'node:os'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmStart } from '../../model/vm.ts'
import { defaultCpu } from './cpu-models.ts'
import { memoryFacts } from './host-facts.ts'
import { networkTypesOf } from './network-types.ts'
import { destroyProcess, launch } from './process.ts'
import type { QemuContext } from './qemu-context.ts'
import { parseQemuVm, type QemuVm } from './qemu-vm.ts'
import { complaintOf, vmFolder } from './vm-folder.ts'

/** @throws ALREADY_EXISTS, NOT_SUPPORTED, MEMORY_SHORT, BAD_REQUEST; COMMAND_FAILED with QEMU's words */
export async function startVm(context: QemuContext, wanted: VmStart): Promise<void> {
  const { freeMemoryBytes: freeBytes } = await memoryFacts()
  const { memoryBytes: neededBytes } = wanted
  if (freeBytes < neededBytes)
    throw new CrosspoolError('MEMORY_SHORT', { host: hostname(), freeBytes, neededBytes })
  const vm = await newVm(context, wanted)
  await context.lock.run([vm.id], async () => {
    const qmp = await launch(context, vm, { isIncoming: false })
    try {
      await qmp.execute('cont')
    } catch (error) {
      const folder = vmFolder(context.directory, vm.id)
      const output = `${error}; ${await complaintOf(folder)}`
      await destroyProcess(context, folder)
      const details = { command: context.command, how: 'the guest could not run', output }
      throw new CrosspoolError('COMMAND_FAILED', details, error)
    }
  })
  context.monitors.changed()
}

async function newVm(context: QemuContext, wanted: VmStart): Promise<QemuVm> {
  const { id, name, vcpus, memoryBytes, disks, interfaces, boot, cpu = defaultCpu } = wanted
  return parseQemuVm({
    ...{ id, name, vcpus, memoryBytes, disks, interfaces },
    accelerator: await context.accelerator(),
    details: {
      machine: await context.probe.newestMachine(),
      cpu,
      boot,
      networkTypes: networkTypesOf(context.networks, interfaces, {}),
    },
  })
}

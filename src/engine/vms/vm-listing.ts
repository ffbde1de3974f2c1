import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { Vm, VmDefinition, VmFacts } from '../../model/vm.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { findVm } from '../migration/describe-vm.ts'
import { readOwnership } from '../migration/epochs.ts'
import { listVmRecords } from '../migration/vm-records.ts'

/** The VMs of the hypervisor, and those that could be started here. */
export async function listVms(
  environment: ToolstackEnvironment,
  operationOf: (vm: string) => string | null,
): Promise<Vm[]> {
  const { hypervisor, store, host } = environment
  // The records afterwards: one that is handed over meanwhile must not look halted.
  const there = await hypervisor.list()
  const definitions = (await listVmRecords(store)).map(({ definition }) => definition)
  const halted = definitions
    .filter(({ id }) => !there.some((vm) => vm.id === id))
    .map((definition) => haltedFacts(environment, definition))
  return Promise.all(
    [...there, ...halted].map(async (vm) => ({
      ...vm,
      disks: namedDisks(
        environment,
        vm,
        definitions.find(({ id }) => id === vm.id),
      ),
      host,
      epoch: (await readOwnership(store, vm.id)).epoch,
      operation: operationOf(vm.id),
    })),
  )
}

/** By UUID or name, one that does not run only when no other bears that name. @throws NOT_FOUND, BAD_REQUEST */
export function pickVm(vms: readonly Vm[], idOrName: string): Vm {
  const named = vms.filter(({ name }) => name === idOrName)
  const found =
    vms.find(({ id }) => id === idOrName) ??
    named.find(({ state }) => state !== 'halted') ??
    named[0]
  if (!found) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: idOrName })
  if (found.id !== idOrName && found.state === 'halted' && named.length > 1) {
    const ids = named.map(({ id }) => id).join(', ')
    const reason = `VM ${idOrName} may be ${ids}; say which`
    throw new CrosspoolError('BAD_REQUEST', { reason })
  }
  return found
}

/** For what needs its hypervisor. @throws NOT_FOUND; WRONG_STATE for a halted VM */
export async function findRunning(
  environment: ToolstackEnvironment,
  idOrName: string,
  operation: string,
): Promise<VmFacts> {
  try {
    return await findVm(environment, idOrName)
  } catch (error) {
    if (!isCrosspoolError(error, 'NOT_FOUND')) throw error
    const halted = (await listVmRecords(environment.store)).find(
      ({ definition: { id, name } }) => id === idOrName || name === idOrName,
    )
    throw halted ? wrongState(halted.definition.id, 'halted', operation, 'running') : error
  }
}

export function wrongState(
  id: string,
  state: string,
  operation: string,
  needed: string,
): CrosspoolError {
  return new CrosspoolError('WRONG_STATE', { kind: 'vm', id, state, operation, needed })
}

/** What its guest calls the disk at this place. */
export function slotOf({ hypervisor }: ToolstackEnvironment, index: number): string {
  const letter = String.fromCharCode('a'.charCodeAt(0) + index)
  return `${hypervisor.capabilities.diskSlotPrefix}${letter}`
}

function haltedFacts(environment: ToolstackEnvironment, definition: VmDefinition): VmFacts {
  const { id, name, vcpus, memoryBytes, disks, interfaces } = definition
  return {
    ...{ id, name, vcpus, memoryBytes, state: 'halted', obstacles: [] },
    // A device is made when it starts.
    disks: disks.map(({ readOnly }, index) => {
      return { slot: slotOf(environment, index), device: '', readOnly }
    }),
    interfaces: interfaces.map((nic, index) => ({ slot: String(index), ...nic })),
  }
}

function namedDisks(
  environment: ToolstackEnvironment,
  { disks }: VmFacts,
  definition: VmDefinition | undefined,
): Vm['disks'] {
  const named = definition?.disks.map(({ vdi }, index) => ({
    ...{ slot: slotOf(environment, index), vdi },
  }))
  return disks.map((disk) => {
    const vdi = named?.find(({ slot }) => slot === disk.slot)?.vdi
    return vdi === undefined ? disk : { ...disk, vdi }
  })
}

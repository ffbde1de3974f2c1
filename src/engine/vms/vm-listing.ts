import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { Vm, VmDefinition, VmFacts } from '../../model/vm.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { findVm } from '../migration/describe-vm.ts'
import { listOwnerships, readOwnership } from '../migration/epochs.ts'
import { listVmRecords, readVmRecord } from '../migration/vm-records.ts'

/** The VMs of the hypervisor, and those that could be started here. */
export async function listVms(
  environment: ToolstackEnvironment,
  operationOf: (vm: string) => string | null,
): Promise<Vm[]> {
  const { hypervisor, store } = environment
  // The records afterwards: one that is handed over meanwhile must not look halted.
  const there = await hypervisor.list()
  const records = await listVmRecords(store)
  const ownerships = await listOwnerships(store)
  const definitions = new Map(records.map(({ definition }) => [definition.id, definition]))
  const running = new Set(there.map(({ id }) => id))
  const halted = [...definitions.values()]
    .filter(({ id }) => !running.has(id))
    .map((definition) => haltedFacts(environment, definition))
  return [...there, ...halted].map((vm) => ({
    ...vm,
    disks: namedDisks(environment, vm, definitions.get(vm.id)),
    host: environment.host,
    epoch: ownerships.get(vm.id)?.epoch ?? 0,
    operation: operationOf(vm.id),
  }))
}

/** By UUID or name, one that does not run only when no other bears that name. @throws NOT_FOUND, BAD_REQUEST */
export async function findVmOrHalted(
  environment: ToolstackEnvironment,
  operationOf: (vm: string) => string | null,
  idOrName: string,
): Promise<Vm> {
  const { hypervisor, store, host } = environment
  // The records afterwards, as for the list.
  const found = await hypervisor.find(idOrName)
  const record = await readVmRecord(store, idOrName)
  // A halted one's UUID may be another one's name.
  const named = record === null ? found : found?.id === idOrName ? found : null
  const definition = named
    ? (await readVmRecord(store, named.id))?.definition
    : (record?.definition ?? (await haltedNamed(store, idOrName)))
  const vm = named ?? (definition && haltedFacts(environment, definition))
  if (!vm) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: idOrName })
  const disks = namedDisks(environment, vm, definition)
  const { epoch } = await readOwnership(store, vm.id)
  return { ...vm, disks, host, epoch, operation: operationOf(vm.id) }
}

/** Of those that the hypervisor does not have. @throws BAD_REQUEST when there are several */
async function haltedNamed(store: RecordStore, wanted: string): Promise<VmDefinition | undefined> {
  const named = (await listVmRecords(store)).filter(({ definition }) => definition.name === wanted)
  if (named.length <= 1) return named[0]?.definition
  const ids = named.map(({ definition: { id } }) => id).join(', ')
  throw new CrosspoolError('BAD_REQUEST', { reason: `VM ${wanted} may be ${ids}; say which` })
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

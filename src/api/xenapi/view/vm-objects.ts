import type { Vm, VmState } from '../../../model/vm.ts'
import { vbdClass, vifClass, vmClass, vmMetricsClass } from '../classes/vm-classes.ts'
import { XenApiFailure } from '../failure.ts'
import { nullRef } from '../types.ts'
import { diskKey, type Facts } from './facts.ts'
import { identities } from './identities.ts'
import { makeObject, type XenObject } from './objects.ts'

const powerStates = {
  running: 'Running',
  paused: 'Paused',
  suspended: 'Suspended',
  shutdown: 'Halted',
  crashed: 'Halted',
  halted: 'Halted',
} as const satisfies Readonly<Record<VmState, string>>

export type PowerState = (typeof powerStates)[VmState]

export function powerStateOf(state: VmState): PowerState {
  return powerStates[state]
}

export function badPowerState({ id, state }: Vm, needed: PowerState): XenApiFailure {
  const [wanted, found] = [needed.toLowerCase(), powerStateOf(state).toLowerCase()]
  return new XenApiFailure('VM_BAD_POWER_STATE', identities.vm(id).ref, wanted, found)
}

export function isResident({ state }: Vm): boolean {
  return ['Running', 'Paused'].includes(powerStateOf(state))
}

/** VMs with all that belongs to them. */
export function vmObjects(facts: Facts): XenObject[] {
  return facts.vms.flatMap((vm) => [
    vmObject(vm, facts),
    makeObject(vmMetricsClass, identities.vmMetrics(vm.id), {
      memory_actual: vm.memoryBytes,
      VCPUs_number: vm.vcpus,
    }),
    ...vm.disks.map((disk, index) => {
      const vdi = facts.vdiOfDisk.get(diskKey(vm.id, disk.slot))
      return makeObject(vbdClass, identities.vbd(vm.id, disk.slot), {
        VM: identities.vm(vm.id).ref,
        VDI: vdi === undefined ? nullRef : identities.vdi(vdi).ref,
        device: disk.slot,
        userdevice: String(index),
        mode: disk.readOnly ? 'RO' : 'RW',
        bootable: index === 0,
        currently_attached: vm.state !== 'halted',
      })
    }),
    ...vm.interfaces.map(({ slot, mac, network }) =>
      makeObject(vifClass, identities.vif(vm.id, slot), {
        VM: identities.vm(vm.id).ref,
        network: identities.network(facts.host, network).ref,
        device: slot,
        MAC: mac,
        currently_attached: vm.state !== 'halted',
      }),
    ),
  ])
}

function vmObject(vm: Vm, { host }: Facts): XenObject {
  const powerState = powerStateOf(vm.state)
  const memory = vm.memoryBytes
  return makeObject(vmClass, identities.vm(vm.id), {
    name_label: vm.name,
    power_state: powerState,
    resident_on: isResident(vm) ? identities.host(host).ref : nullRef,
    ...{ memory_static_min: memory, memory_dynamic_min: memory },
    ...{ memory_dynamic_max: memory, memory_static_max: memory },
    ...{ VCPUs_max: vm.vcpus, VCPUs_at_startup: vm.vcpus },
    VBDs: vm.disks.map(({ slot }) => identities.vbd(vm.id, slot).ref),
    VIFs: vm.interfaces.map(({ slot }) => identities.vif(vm.id, slot).ref),
    metrics: identities.vmMetrics(vm.id).ref,
    allowed_operations: allowed(vm),
    current_operations:
      vm.operation === null ? {} : { [identities.task(vm.operation).ref]: 'migrate_send' },
  })
}

function allowed({ state, operation, obstacles }: Vm): string[] {
  if (operation !== null) return []
  const migration = obstacles.length === 0 ? ['migrate_send', 'pool_migrate'] : []
  const clean = ['clean_shutdown', 'clean_reboot']
  const hard = ['hard_shutdown', 'hard_reboot']
  if (state === 'running') return [...migration, ...clean, 'shutdown', ...hard, 'pause']
  if (state === 'paused') return ['unpause', 'shutdown', ...hard]
  if (state === 'halted') return ['start', 'start_on', 'destroy']
  return ['hard_shutdown', ...(state === 'suspended' ? [] : ['start'])]
}

import { bool, datetime, float, int, map, oneOf, ref, set, string } from '../types.ts'
import { defineClass, field } from './describe-class.ts'

const texts = map(string, string)
const uuid = field(string, 'unique and the same for ever')

export const vmClass = defineClass({
  name: 'VM',
  about:
    'A VM that its hypervisor knows on this host, or the control domain. A VM keeps its UUID and its reference when it migrates. One that was started by Crosspool is Halted after its end; another one is gone.',
  fields: {
    uuid,
    name_label: field(string, ''),
    name_description: field(string, ''),
    power_state: field(oneOf('Halted', 'Paused', 'Running', 'Suspended'), ''),
    is_control_domain: field(bool, ''),
    is_a_template: field(bool, ''),
    is_a_snapshot: field(bool, ''),
    resident_on: field(ref('host'), ''),
    affinity: field(ref('host'), 'none'),
    memory_static_min: field(int, 'bytes'),
    memory_dynamic_min: field(int, 'bytes'),
    memory_dynamic_max: field(int, 'bytes'),
    memory_static_max: field(int, 'bytes'),
    VCPUs_max: field(int, '', 1),
    VCPUs_at_startup: field(int, '', 1),
    VCPUs_params: field(texts, ''),
    VBDs: field(set(ref('VBD')), ''),
    VIFs: field(set(ref('VIF')), ''),
    metrics: field(ref('VM_metrics'), ''),
    guest_metrics: field(ref('VM_guest_metrics'), 'none: nothing runs inside the guest'),
    snapshots: field(set(ref('VM')), ''),
    snapshot_of: field(ref('VM'), 'none'),
    parent: field(ref('VM'), 'none'),
    suspend_VDI: field(ref('VDI'), 'none'),
    consoles: field(set(ref('console')), ''),
    platform: field(texts, '', { 'cores-per-socket': '1' }),
    HVM_boot_params: field(texts, ''),
    HVM_boot_policy: field(string, ''),
    PV_args: field(string, ''),
    domain_type: field(oneOf('unspecified', 'hvm', 'pv', 'pvh'), ''),
    recommendations: field(string, ''),
    other_config: field(texts, ''),
    xenstore_data: field(texts, ''),
    blocked_operations: field(texts, ''),
    allowed_operations: field(set(string), 'what may be asked of it now'),
    current_operations: field(texts, 'task -> migrate_send, while it migrates'),
    actions_after_crash: field(oneOf('destroy', 'restart', 'preserve'), ''),
    tags: field(set(string), ''),
    attached_PCIs: field(set(ref('PCI')), ''),
    VGPUs: field(set(ref('VGPU')), ''),
    VTPMs: field(set(ref('VTPM')), ''),
  },
})

export const vmMetricsClass = defineClass({
  name: 'VM_metrics',
  about: 'What a VM has been given.',
  fields: {
    uuid,
    memory_actual: field(int, 'bytes'),
    VCPUs_number: field(int, ''),
    start_time: field(datetime, 'not known'),
    other_config: field(texts, ''),
  },
})

export const vbdClass = defineClass({
  name: 'VBD',
  about: 'A disk of a VM.',
  fields: {
    uuid,
    VM: field(ref('VM'), ''),
    VDI: field(ref('VDI'), 'none for a disk that no SR knows'),
    device: field(string, 'its name in the guest: xvda, vda, ...'),
    userdevice: field(string, 'its place among the disks: 0, 1, ...'),
    mode: field(oneOf('RO', 'RW'), ''),
    type: field(oneOf('Disk', 'CD'), ''),
    bootable: field(bool, ''),
    empty: field(bool, ''),
    unpluggable: field(bool, ''),
    currently_attached: field(bool, '', true),
    other_config: field(texts, ''),
    allowed_operations: field(set(string), ''),
    current_operations: field(texts, ''),
  },
})

export const vifClass = defineClass({
  name: 'VIF',
  about: 'A network interface of a VM.',
  fields: {
    uuid,
    VM: field(ref('VM'), ''),
    network: field(ref('network'), ''),
    device: field(string, 'its place among the interfaces: 0, 1, ...'),
    MAC: field(string, ''),
    MTU: field(int, '', 1500),
    currently_attached: field(bool, '', true),
    locking_mode: field(oneOf('network_default', 'unlocked', 'locked', 'disabled'), ''),
    ipv4_allowed: field(set(string), ''),
    ipv6_allowed: field(set(string), ''),
    other_config: field(texts, ''),
    allowed_operations: field(set(string), ''),
    current_operations: field(texts, ''),
  },
})

export const taskClass = defineClass({
  name: 'task',
  about:
    'Every migration of this host, whoever began it, and whatever else a client waits for. It stays for 65 minutes after it has ended.',
  fields: {
    uuid: field(string, 'for a migration the id of its operation'),
    name_label: field(string, 'VM.migrate, or Async. and the call that began it'),
    name_description: field(string, ''),
    created: field(datetime, ''),
    finished: field(datetime, '1970 until it has ended'),
    status: field(oneOf('pending', 'success', 'failure', 'cancelling', 'cancelled'), ''),
    progress: field(float, 'from 0 to 1'),
    type: field(string, '', '<none/>'),
    result: field(string, 'the value as XML-RPC writes it'),
    error_info: field(set(string), 'code and parameters'),
    resident_on: field(ref('host'), ''),
    subtask_of: field(ref('task'), 'none'),
    subtasks: field(set(ref('task')), ''),
    other_config: field(texts, ''),
    backtrace: field(string, '', '()'),
    allowed_operations: field(set(oneOf('cancel', 'destroy')), ''),
    current_operations: field(texts, ''),
  },
})

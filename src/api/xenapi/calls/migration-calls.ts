import { bool, map, nothing, ref, string } from '../types.ts'
import { defineCalls, optional } from './describe-call.ts'

const texts = map(string, string)
const vm = ref('VM')

const migrateSend = {
  vm,
  dest: texts,
  live: bool,
  vdi_map: map(ref('VDI'), ref('SR')),
  vif_map: map(ref('VIF'), ref('network')),
  options: texts,
  vgpu_map: optional(map(ref('VGPU'), ref('GPU_group'))),
} as const

export const migrationCalls = defineCalls({
  'VM.migrate': {
    role: 'operator',
    about:
      "Moves a running VM to another host, of whatever pool. `destination`: a known host's name, POOL/HOST, or the URL of its xapi. `sr_map`: slot of the disk, or id or name of its SR -> SR there. `network_map`: MAC, or network here -> network there. In both `*` stands for the rest. `options`, as texts: `keep_source_disks`, `auto_converge`, `compress` (true, false), `patience_ms`, `downtime_limit_ms`; they mean what `POST /v1/vms/{vm}/migrate` says.",
    parameters: {
      ...{ vm, destination: string },
      sr_map: optional(texts),
      network_map: optional(texts),
      options: optional(texts),
    },
    result: vm,
    kind: 'operation',
    isOurs: true,
  },
  'VM.receive': {
    role: 'operator',
    about:
      'Asks this host to take a VM in. `request` is the JSON document of `POST /v1/receivers`; the answer has its `receiver` as JSON and the `token`.',
    parameters: { request: string },
    result: texts,
    kind: 'slow',
    isOurs: true,
  },
  'host.migrate_receive': {
    role: 'operator',
    about:
      'Asked of the destination; the answer is the `dest` of `VM.migrate_send` at the source. It reserves nothing, needs no session later and says how SRs and networks are called here.',
    parameters: { host: ref('host'), network: ref('network'), options: texts },
    result: texts,
  },
  'VM.assert_can_migrate': {
    role: 'operator',
    about: 'Every check of both sides; changes nothing. Answers what the first failed check means.',
    parameters: migrateSend,
    result: nothing,
    kind: 'slow',
  },
  'VM.migrate_send': {
    role: 'operator',
    about:
      'Moves a running VM to the host whose `migrate_receive` answered `dest`, with disks and interfaces as mapped; for what is not in the maps the destination chooses. Answers the VM there. `live` makes no difference. `options` may have those of `VM.migrate`; `copy` is refused when true, and `force` skips no check.',
    parameters: { ...migrateSend, vdi_format_map: optional(map(ref('VDI'), string)) },
    result: vm,
    kind: 'operation',
  },
  'VM.pool_migrate': {
    role: 'operator',
    about:
      'Moves a running VM to a host that was introduced to this one, shared disks or not. Answers nothing. Of `options` only `compress` counts.',
    parameters: { vm, host: ref('host'), options: texts },
    result: nothing,
    kind: 'operation',
  },
  'VDI.pool_migrate': {
    role: 'operator',
    about:
      'Moves a disk, in use or not, to another SR of this host. Answers the VDI, which stays the same. `options` may be empty only.',
    parameters: { vdi: ref('VDI'), sr: ref('SR'), options: texts },
    result: ref('VDI'),
    kind: 'operation',
  },
})

import { bool, nothing, ref, string } from '../types.ts'
import { defineCalls } from './describe-call.ts'

const vm = ref('VM')
const beginning = { start_paused: bool, force: bool } as const

export const vmCalls = defineCalls({
  'VM.start_new': {
    role: 'operator',
    about:
      'Starts a VM on VDIs of this host. `definition` is the JSON document of `POST /v1/vms`. It is kept: the VM can be started again after it has ended.',
    parameters: { definition: string },
    result: vm,
    kind: 'slow',
    isOurs: true,
  },
  'VM.start': {
    role: 'operator',
    about:
      'Starts a halted VM on the VDIs that it had. `start_paused` is refused when true, and `force` skips no check.',
    parameters: { vm, ...beginning },
    result: nothing,
    kind: 'slow',
  },
  'VM.start_on': {
    role: 'operator',
    about: 'The same; `host` can only be the one that answers.',
    parameters: { vm, host: ref('host'), ...beginning },
    result: nothing,
    kind: 'slow',
  },
  'VM.clean_shutdown': {
    role: 'operator',
    about:
      'Asks the guest to shut down and waits until it has, for twenty minutes at most. Then it is Halted, or gone if it was not started by Crosspool.',
    parameters: { vm },
    result: nothing,
    kind: 'slow',
  },
  'VM.shutdown': {
    role: 'operator',
    about: 'As `VM.clean_shutdown`; where that fails, as `VM.hard_shutdown`.',
    parameters: { vm },
    result: nothing,
    kind: 'slow',
  },
  'VM.hard_shutdown': {
    role: 'operator',
    about:
      'Ends the VM as if its power were cut, and puts its disks away. Then it is Halted, or gone if it was not started by Crosspool.',
    parameters: { vm },
    result: nothing,
    kind: 'slow',
  },
  'VM.clean_reboot': {
    role: 'operator',
    about: 'Asks the guest to reboot, and does not wait until it has.',
    parameters: { vm },
    result: nothing,
    kind: 'slow',
  },
  'VM.hard_reboot': {
    role: 'operator',
    about: 'Starts the guest anew at once.',
    parameters: { vm },
    result: nothing,
    kind: 'slow',
  },
  'VM.pause': {
    role: 'operator',
    about: 'The guest stands still, its memory kept.',
    parameters: { vm },
    result: nothing,
    kind: 'slow',
  },
  'VM.unpause': {
    role: 'operator',
    about: 'A paused guest runs on.',
    parameters: { vm },
    result: nothing,
    kind: 'slow',
  },
  'VM.destroy': {
    role: 'operator',
    about: 'A halted VM is not known any more. Its VDIs stay.',
    parameters: { self: vm },
    result: nothing,
    kind: 'slow',
  },
})

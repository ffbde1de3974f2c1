import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmDisk, VmInterface, VmStart } from '../../model/vm.ts'

/**
 * xl.cfg for a new VM: PVH, with the kernel that it is given. Only block devices, as they are; xl
 * knows ways to name programs and files in a disk or an interface, so these hold nothing else.
 * @throws NOT_SUPPORTED, BAD_REQUEST
 */
export function writeStartConfiguration(vm: VmStart): string {
  if (!('kernel' in vm.boot)) {
    const reason = 'the hypervisor "xen" starts PVH guests, which are given a kernel'
    throw new CrosspoolError('NOT_SUPPORTED', { what: 'Booting from a disk', reason })
  }
  if (vm.cpu !== undefined) {
    const reason = 'the hypervisor "xen" gives its guests the CPU of the host'
    throw new CrosspoolError('NOT_SUPPORTED', { what: `CPU model ${vm.cpu}`, reason })
  }
  const { kernel, initrd, arguments: cmdline } = vm.boot
  const lines = [
    'type = "pvh"',
    `name = ${quoted(vm.name)}`,
    `uuid = ${quoted(vm.id)}`,
    `vcpus = ${vm.vcpus}`,
    `memory = ${Math.ceil(vm.memoryBytes / MiB)}`,
    `kernel = ${quoted(kernel)}`,
    ...(initrd === undefined ? [] : [`ramdisk = ${quoted(initrd)}`]),
    `cmdline = ${quoted(cmdline)}`,
    `disk = [ ${vm.disks.map((disk) => quoted(diskOf(disk))).join(', ')} ]`,
    `vif = [ ${vm.interfaces.map((nic) => quoted(interfaceOf(nic))).join(', ')} ]`,
  ]
  return `${lines.join('\n')}\n`
}

/** Whatever follows `target=` is the device, to the end. */
function diskOf({ slot, device, readOnly }: VmDisk): string {
  requireForm(slot, /^xvd[a-z]$/, 'the slot of a disk')
  requireForm(device, /^\/dev\/[\w./+:@-]+$/, 'a block device')
  return `format=raw,vdev=${slot},access=${readOnly ? 'ro' : 'rw'},target=${device}`
}

function interfaceOf({ mac, network }: VmInterface): string {
  requireForm(mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'a MAC')
  requireForm(network, /^[\w.-]+$/, 'a bridge')
  return `mac=${mac},bridge=${network}`
}

function requireForm(text: string, form: RegExp, what: string): void {
  if (form.test(text)) return
  throw new CrosspoolError('BAD_REQUEST', { reason: `${JSON.stringify(text)} is not ${what}` })
}

/** A string of xl.cfg ends with its line; quotes and backslashes are written with a backslash. */
function quoted(text: string): string {
  if (/\p{Cc}/u.test(text)) {
    const reason = `${JSON.stringify(text)} holds characters that cannot be printed`
    throw new CrosspoolError('BAD_REQUEST', { reason })
  }
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

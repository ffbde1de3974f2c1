import { z } from 'zod'
import { KiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmConfiguration, VmDisk, VmInterface } from '../../model/vm.ts'
import { type Guest, guestSchema } from './guest-fields.ts'
import { type HotplugScripts, xensOwnScripts } from './hotplug-scripts.ts'
import { type Fields, pick } from './plain-data.ts'
import { hasMedium } from './read-domain-configuration.ts'

/**
 * libxl's configuration (JSON) for a VM that comes from elsewhere, written anew. Another host's
 * words are not trusted with this host: only fields whose meaning is the guest's own are taken over,
 * so no programs, scripts, arguments of QEMU, host devices, CPU pinning or pools. What the VM takes
 * of this host (memory, CPUs, disks, networks) is what `vm` says, which has been checked and reserved.
 * @throws BAD_REQUEST when the details are not such a configuration
 */
export function writeDomainConfiguration(
  vm: VmConfiguration,
  scripts: HotplugScripts = xensOwnScripts,
): string {
  const { c_info, b_info, disks, nics, ...others } = parseGuest(vm)
  const memoryKib = Math.ceil(vm.memoryBytes / KiB)
  return JSON.stringify({
    c_info: { ...c_info, name: vm.name, uuid: vm.id },
    b_info: {
      ...b_info,
      max_vcpus: vm.vcpus,
      max_memkb: memoryKib,
      target_memkb: Math.min(b_info.target_memkb ?? memoryKib, memoryKib),
    },
    disks: [
      ...disks.filter((disk) => !hasMedium(disk)).map((disk) => pick(disk, driveFields)),
      ...vm.disks.map((disk) => diskOf(disk, disks, scripts)),
    ],
    nics: vm.interfaces.map((nic) => interfaceOf(nic, nics, scripts)),
    ...others,
  })
}

/** The files of this host that the VM would be started with at its next reboot. */
export function bootFilesOf(vm: VmConfiguration): readonly string[] {
  const { kernel, ramdisk } = parseGuest(vm).b_info
  return [kernel ?? '', ramdisk ?? ''].filter((file) => file !== '')
}

/** What `configuration` puts into the details, and `writeDomainConfiguration` takes out. */
export const detailsSchema = z.object({ domain: z.record(z.string(), z.unknown()) })

function parseGuest(vm: VmConfiguration): Guest {
  const details = detailsSchema.safeParse(vm.details)
  if (!details.success) {
    const reason = 'the details hold no configuration of a Xen domain'
    throw new CrosspoolError('BAD_REQUEST', { reason }, details.error)
  }
  const guest = guestSchema.safeParse(details.data.domain)
  if (guest.success) return guest.data
  const places = guest.error.issues.map(({ path }) => path.join('.')).join(', ')
  const reason = `the configuration of the Xen domain cannot be taken over: ${places}`
  throw new CrosspoolError('BAD_REQUEST', { reason }, guest.error)
}

const driveFields = ['vdev', 'format', 'removable', 'is_cdrom']

// The device is a block device of this host, whatever the disk was at the other side; libxl finds
// the right backend for it. Scripts are this host's.
function diskOf(disk: VmDisk, sent: readonly Fields[], { block }: HotplugScripts): Fields {
  const before = sent.find((other) => other.vdev === disk.slot) ?? {}
  return {
    pdev_path: disk.device,
    vdev: disk.slot,
    format: 'raw',
    ...(disk.readOnly ? {} : { readwrite: 1 }),
    ...(block === null ? {} : { script: block }),
    ...pick(before, ['removable', 'is_cdrom', 'direct_io_safe', 'discard_enable', 'trusted']),
  }
}

function interfaceOf(nic: VmInterface, sent: readonly Fields[], { vif }: HotplugScripts): Fields {
  const { mac, ...before } = sent.find((other) => other.mac === nic.mac) ?? {}
  return {
    devid: Number(nic.slot),
    mac: mac ?? nic.mac,
    bridge: nic.network,
    // Ours knows nothing of a size of its own for packets.
    ...(vif === null || 'mtu' in before ? {} : { script: vif }),
    ...before,
  }
}

import { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmConfiguration, VmDisk, VmInterface } from '../../model/vm.ts'
import { type HotplugScripts, xensOwnScripts } from './hotplug-scripts.ts'
import { type Fields, fieldsOf, listOf, pick, textOf } from './plain-data.ts'
import { hasMedium } from './read-domain-configuration.ts'

/**
 * libxl's configuration (JSON) for a VM that comes from elsewhere. Another host's words are not
 * trusted with this host: only fields whose meaning is the guest's own are taken over, so no
 * programs, scripts, arguments of QEMU, host devices, CPU pinning or pools. Disks and networks are
 * those of `vm`, which are this host's.
 * @throws BAD_REQUEST when the details are not such a configuration
 */
export function writeDomainConfiguration(
  vm: VmConfiguration,
  scripts: HotplugScripts = xensOwnScripts,
): string {
  const parsed = detailsSchema.safeParse(vm.details)
  if (!parsed.success) {
    const reason = 'the details hold no configuration of a Xen domain'
    throw new CrosspoolError('BAD_REQUEST', { reason }, parsed.error)
  }
  const sent = parsed.data.domain
  return JSON.stringify({
    c_info: { ...pick(fieldsOf(sent.c_info), createFields), name: vm.name, uuid: vm.id },
    b_info: buildInfo(fieldsOf(sent.b_info)),
    disks: [
      ...emptyDrives(sent),
      ...vm.disks.map((disk) => diskOf(disk, listOf(sent.disks), scripts)),
    ],
    nics: vm.interfaces.map((nic) => interfaceOf(nic, listOf(sent.nics), scripts)),
    ...pick(sent, otherFields),
  })
}

/** What `configuration` puts into the details, and `writeDomainConfiguration` takes out. */
export const detailsSchema = z.object({ domain: z.record(z.string(), z.unknown()) })

const createFields = ['type', 'hap', 'oos', 'run_hotplug_scripts', 'xend_suspend_evtchn_compat']

const otherFields = [
  'vfbs',
  'vkbs',
  'on_poweroff',
  'on_reboot',
  'on_watchdog',
  'on_crash',
  'on_soft_reset',
]

const buildFields = [
  'max_vcpus',
  'avail_vcpus',
  'numa_placement',
  'tsc_mode',
  'max_memkb',
  'target_memkb',
  'video_memkb',
  'shadow_memkb',
  'rtc_timeoffset',
  'localtime',
  'disable_migrate',
  'cpuid',
  'blkdev_start',
  'vnuma_nodes',
  'max_grant_frames',
  'max_maptrack_frames',
  'max_grant_version',
  'device_model_version',
  'claim_mode',
  'event_channels',
  'acpi',
  'timer_mode',
  'nested_hvm',
  'apic',
  'altp2m',
  'arch_x86',
  'vpmu',
  // Read at the next reboot of the guest, when the file is here too.
  'kernel',
  'ramdisk',
  'cmdline',
]

const hvmFields = [
  'bios',
  'pae',
  'apic',
  'acpi',
  'acpi_s3',
  'acpi_s4',
  'acpi_laptop_slate',
  'nx',
  'viridian',
  'viridian_enable',
  'viridian_disable',
  'timeoffset',
  'hpet',
  'vpt_align',
  'mmio_hole_memkb',
  'timer_mode',
  'nested_hvm',
  'altp2m',
  'smbios',
  'hdtype',
  'nographic',
  'vga',
  'vnc',
  'keymap',
  'boot',
  'usb',
  'usbversion',
  'vkb_device',
  'soundhw',
  'xen_platform_pci',
  'vendor_device',
  'ms_vm_genid',
  'mca_caps',
  'pirq',
]

function buildInfo(sent: Fields): Fields {
  const hvm = fieldsOf(sent['type.hvm'])
  return {
    ...pick(sent, buildFields),
    ...('sched_params' in sent
      ? { sched_params: pick(fieldsOf(sent.sched_params), ['weight', 'cap']) }
      : {}),
    ...(sent.bootloader === 'pygrub' ? { bootloader: 'pygrub' } : {}),
    ...('type.pv' in sent
      ? { 'type.pv': pick(fieldsOf(sent['type.pv']), ['slack_memkb', 'features']) }
      : {}),
    ...('type.pvh' in sent
      ? { 'type.pvh': pick(fieldsOf(sent['type.pvh']), ['pvshim', 'pvshim_cmdline']) }
      : {}),
    ...('type.hvm' in sent ? { 'type.hvm': hvmInfo(hvm) } : {}),
  }
}

// These two can also name files and devices of the host.
function hvmInfo(hvm: Fields): Fields {
  return {
    ...pick(hvm, hvmFields),
    ...(hvm.serial === 'pty' ? { serial: 'pty' } : {}),
    ...(hvm.usbdevice === 'tablet' || hvm.usbdevice === 'mouse'
      ? { usbdevice: hvm.usbdevice }
      : {}),
  }
}

// The device is a block device of this host, whatever the disk was at the other side; libxl finds
// the right backend for it. Scripts are this host's.
function diskOf(disk: VmDisk, sent: readonly Fields[], { block }: HotplugScripts): Fields {
  const before = sent.find((other) => textOf(other.vdev) === disk.slot) ?? {}
  return {
    pdev_path: disk.device,
    vdev: disk.slot,
    format: 'raw',
    ...(disk.readOnly ? {} : { readwrite: 1 }),
    ...(block === null ? {} : { script: block }),
    ...pick(before, ['removable', 'is_cdrom', 'direct_io_safe', 'discard_enable', 'trusted']),
  }
}

function emptyDrives(sent: Fields): readonly Fields[] {
  const fields = ['vdev', 'format', 'removable', 'is_cdrom']
  return listOf(sent.disks)
    .filter((disk) => !hasMedium(disk))
    .map((disk) => pick(disk, fields))
}

function interfaceOf(nic: VmInterface, sent: readonly Fields[], { vif }: HotplugScripts): Fields {
  const before = sent.find((other) => textOf(other.mac) === nic.mac) ?? {}
  return {
    devid: Number(nic.slot),
    mac: nic.mac,
    bridge: nic.network,
    // Ours knows nothing of a size of its own for packets.
    ...(vif === null || 'mtu' in before ? {} : { script: vif }),
    ...pick(before, interfaceFields),
  }
}

const interfaceFields = [
  'mtu',
  'model',
  'nictype',
  'rate_bytes_per_interval',
  'rate_interval_usecs',
  'trusted',
]

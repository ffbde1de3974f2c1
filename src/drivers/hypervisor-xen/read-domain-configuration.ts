import { KiB } from '../../lib/units.ts'
import type { VmDisk, VmInterface } from '../../model/vm.ts'
import { type Fields, fieldsOf, listOf, numberOf, textOf } from './plain-data.ts'

/** What libxl's configuration of a domain says about the VM. */
export interface ConfiguredVm {
  readonly vcpus: number
  readonly memoryBytes: number
  readonly disks: VmDisk[]
  readonly interfaces: VmInterface[]
}

export function readDomainConfiguration(configuration: Fields): ConfiguredVm {
  const build = fieldsOf(configuration.b_info)
  return {
    vcpus: Math.max(1, numberOf(build.max_vcpus)),
    memoryBytes: Math.max(1, numberOf(build.max_memkb)) * KiB,
    disks: listOf(configuration.disks).filter(hasMedium).map(readDisk),
    interfaces: listOf(configuration.nics).map(readInterface),
  }
}

/** Why this domain cannot be live-migrated, given what guests of this host can have (`virt_caps`). */
export function obstaclesOf(configuration: Fields, hostCapabilities: readonly string[]): string[] {
  const obstacles: string[] = []
  const type = domainType(configuration)
  if (type === 'pv' && !hostCapabilities.includes('shadow')) {
    obstacles.push('type "pv" cannot be live-migrated where Xen has no shadow paging')
  }
  for (const [field, what] of Object.entries(unmovableDevices)) {
    const count = listOf(configuration[field]).length
    if (count > 0) obstacles.push(`it has ${what} (${count})`)
  }
  const build = fieldsOf(configuration.b_info)
  for (const [field, what] of Object.entries(unmovableResources)) {
    if (listOf(build[field]).length > 0) obstacles.push(`it has ${what} of the host`)
  }
  if (build.disable_migrate === 'True') obstacles.push('its configuration forbids migration')
  for (const device of [...listOf(configuration.disks), ...listOf(configuration.nics)]) {
    const backend = textOf(device.backend_domname)
    if (backend !== '') obstacles.push(`${nameOf(device)} is served by the domain ${backend}`)
  }
  for (const disk of listOf(configuration.disks).filter(hasMedium)) {
    const format = textOf(disk.format) || 'raw'
    if (format !== 'raw') obstacles.push(`${nameOf(disk)} is read in the format ${format}`)
  }
  return obstacles
}

/** `pv`, `pvh` or `hvm`. */
export function domainType(configuration: Fields): string {
  return textOf(fieldsOf(configuration.c_info).type) || 'pv'
}

/** An empty CD-ROM drive is a device of the VM, but no disk. */
export function hasMedium(disk: Fields): boolean {
  return textOf(disk.pdev_path) !== '' && disk.format !== 'empty'
}

const unmovableDevices: Readonly<Record<string, string>> = {
  pcidevs: 'passed-through PCI devices',
  usbdevs: 'passed-through USB devices',
  usbctrls: 'USB controllers',
  dtdevs: 'passed-through platform devices',
  vtpms: 'virtual TPMs',
  channels: 'channels to programs of the host',
  p9s: 'shared folders',
  p9: 'shared folders',
  pvcallsifs: 'PV calls',
  vdispls: 'virtual displays',
  vsnds: 'virtual sound devices',
  virtios: 'virtio devices',
}

const unmovableResources: Readonly<Record<string, string>> = {
  ioports: 'I/O ports',
  irqs: 'interrupts',
  iomem: 'I/O memory',
}

function readDisk(disk: Fields): VmDisk {
  return {
    slot: textOf(disk.vdev),
    device: textOf(disk.pdev_path),
    readOnly: numberOf(disk.readwrite) === 0,
  }
}

function readInterface(nic: Fields, index: number): VmInterface {
  const slot = String(typeof nic.devid === 'number' ? nic.devid : index)
  return { slot, mac: textOf(nic.mac), network: textOf(nic.bridge) }
}

function nameOf(device: Fields): string {
  return textOf(device.vdev) !== ''
    ? `disk ${textOf(device.vdev)}`
    : `interface ${textOf(device.mac)}`
}

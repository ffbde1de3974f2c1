import { optionValue } from '../../lib/qmp/option-value.ts'
import { KiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmDisk, VmInterface } from '../../model/vm.ts'
import { blockNodeOf } from './parse-device.ts'
import type { QemuNetwork, QemuNetworks } from './qemu-context.ts'
import type { QemuVm } from './qemu-vm.ts'
import type { VmFolder } from './vm-folder.ts'

export interface CommandLineParts {
  readonly folder: VmFolder
  readonly networks: QemuNetworks
  /** What the guest boots, where that is no disk; already found on this host. */
  readonly kernel: { readonly kernel: string; readonly initrd?: string } | null
  /** It waits for its memory first. */
  readonly isIncoming: boolean
  readonly platform: NodeJS.Platform
}

/** Places on the PCI bus. They are part of what a guest knows, so they are never anybody else's. */
const entropyPlace = 0x03
const firstDiskPlace = 0x04
const firstInterfacePlace = 0x14

/** Code that emulation has translated is kept up to this size; QEMU's own limit is a gigabyte for each VM. */
const translatedMebibytes = 128

const carefulBytes = 8 * KiB

/**
 * QEMU before 9.0 loses writes of an emulated guest that is migrated: where it goes through the marks of 64 pages at once
 * it forgets to have the guest's next write to them noticed ("physmem: Fix migration dirty bitmap coherency with TCG memory
 * access"). It goes page by page where memory does not end at such a place, so an emulated guest has two pages more.
 */
export function ramBytesOf({
  accelerator,
  memoryBytes,
}: Pick<QemuVm, 'accelerator' | 'memoryBytes'>) {
  return accelerator === 'tcg' ? memoryBytes + carefulBytes : memoryBytes
}

/** The arguments of QEMU that run this VM on this host. @throws BAD_REQUEST, NOT_SUPPORTED */
export function commandLineOf(vm: QemuVm, parts: CommandLineParts): readonly string[] {
  const { folder, networks, platform, isIncoming } = parts
  return [
    ...['-name', option({ guest: vm.name }), '-uuid', vm.id],
    ...['-machine', vm.details.machine, ...acceleratorOf(vm)],
    // Better no guest at all than one that lacks what its CPU promised where it came from.
    ...['-cpu', `${vm.details.cpu},enforce=on`],
    ...['-m', option({ size: `${ramBytesOf(vm)}B` }), '-smp', option({ cpus: vm.vcpus })],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none'],
    // A guest that sleeps looks like a VM that somebody has stopped.
    ...['-global', 'ICH9-LPC.disable_s3=1', '-global', 'ICH9-LPC.disable_s4=1'],
    ...bootOf(vm, parts),
    ...['-object', option({ '': 'rng-builtin', id: 'entropy' })],
    ...['-device', deviceAt(entropyPlace, { '': 'virtio-rng-pci', rng: 'entropy' })],
    ...vm.disks.flatMap((disk) => diskOf(disk, platform)),
    ...vm.interfaces.flatMap((nic) => interfaceOf(nic, networks)),
    ...monitorsAndConsole(folder),
    ...['-daemonize', '-pidfile', folder.pid, '-D', folder.log],
    // It runs when it is told to: then nothing of what its monitor says has been missed.
    '-S',
    ...(isIncoming ? ['-incoming', 'defer'] : []),
  ]
}

/** @throws NOT_SUPPORTED when the network is not one of this host's */
export function networkNamed(networks: QemuNetworks, name: string): QemuNetwork {
  const network = Object.hasOwn(networks, name) ? networks[name] : undefined
  if (network !== undefined) return network
  const reason = `this host has ${Object.keys(networks).join(', ') || 'none'}`
  throw new CrosspoolError('NOT_SUPPORTED', { what: `Network ${name}`, reason })
}

function acceleratorOf({ accelerator }: QemuVm): readonly string[] {
  if (accelerator === 'kvm') return ['-accel', 'kvm']
  return ['-accel', option({ '': 'tcg', 'tb-size': translatedMebibytes })]
}

function bootOf({ details }: QemuVm, { kernel }: CommandLineParts): readonly string[] {
  if (!('kernel' in details.boot) || kernel === null) return []
  return [
    ...['-kernel', kernel.kernel],
    ...(kernel.initrd === undefined ? [] : ['-initrd', kernel.initrd]),
    ...['-append', details.boot.arguments],
  ]
}

function diskOf(disk: VmDisk, platform: NodeJS.Platform): readonly string[] {
  const index = disk.slot.charCodeAt(2) - 'a'.charCodeAt(0)
  const device = deviceAt(firstDiskPlace + index, {
    '': 'virtio-blk-pci',
    id: disk.slot,
    drive: `disk-${disk.slot}`,
    bootindex: index + 1,
    // A VM that has stopped can go on when its disk is back; one that saw an error cannot.
    werror: 'stop',
    rerror: 'stop',
    // Told what every large disk has, QEMU does not read the disk to guess: it may not be ours yet.
    cyls: 16383,
    heads: 16,
    secs: 63,
  })
  return ['-blockdev', JSON.stringify(blockNodeOf(disk, platform)), '-device', device]
}

function interfaceOf(nic: VmInterface, networks: QemuNetworks): readonly string[] {
  const id = `network${nic.slot}`
  const device = deviceAt(firstInterfacePlace + Number(nic.slot), {
    '': 'virtio-net-pci',
    id: `interface${nic.slot}`,
    netdev: id,
    mac: nic.mac,
    // What would let it boot from the network; a guest boots from its disk or its kernel.
    romfile: '',
  })
  return ['-netdev', backendOf(networkNamed(networks, nic.network), id), '-device', device]
}

function backendOf(network: QemuNetwork, id: string): string {
  if (network.type === 'user') return option({ '': 'user', id })
  if (network.type === 'bridge') return option({ '': 'bridge', id, br: network.bridge })
  const address = { 'addr.type': 'unix', 'addr.path': network.path }
  return option({ '': 'stream', id, server: 'off', ...address })
}

function monitorsAndConsole(folder: VmFolder): readonly string[] {
  const server = { server: 'on', wait: 'off' }
  const log = { logfile: folder.consoleLog, logappend: 'on' }
  return [
    ...['-chardev', option({ '': 'socket', id: 'monitor', path: folder.monitor, ...server })],
    ...['-mon', option({ chardev: 'monitor', mode: 'control' })],
    ...['-chardev', option({ '': 'socket', id: 'people', path: folder.peopleMonitor, ...server })],
    ...['-mon', option({ chardev: 'people', mode: 'readline' })],
    ...[
      '-chardev',
      option({ '': 'socket', id: 'console', path: folder.console, ...server, ...log }),
    ],
    ...['-serial', 'chardev:console'],
  ]
}

function deviceAt(place: number, fields: Fields): string {
  return option({ ...fields, bus: 'pcie.0', addr: `0x${place.toString(16)}` })
}

type Fields = Readonly<Record<string, string | number>>

/** QEMU's `kind,key=value`; the kind has no key. A comma within a value is written twice. */
function option(fields: Fields): string {
  return Object.entries(fields)
    .map(([key, value]) => {
      const text = optionValue(String(value))
      return key === '' ? text : `${key}=${text}`
    })
    .join(',')
}

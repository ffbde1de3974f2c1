import { expect, test } from 'vitest'
import { KiB, MiB } from '../../lib/units.ts'
import { commandLineOf, ramBytesOf } from './command-line.ts'
import { defaultCpu } from './cpu-models.ts'
import { blockNodeOf } from './parse-device.ts'
import { parseQemuVm, type QemuVm } from './qemu-vm.ts'
import { vmFolder } from './vm-folder.ts'

const vm: QemuVm = {
  id: '89964b20-bf23-42a0-9a26-d8542802d292',
  name: 'web',
  vcpus: 2,
  memoryBytes: 64 * MiB,
  disks: [
    { slot: 'vda', device: 'nbd+unix:///vdi%2F1?socket=/run/a,b.sock', readOnly: false },
    { slot: 'vdc', device: '/dev/vg0/web', readOnly: true },
  ],
  interfaces: [
    { slot: '0', mac: '52:54:00:00:00:01', network: 'lan' },
    { slot: '2', mac: '52:54:00:00:00:02', network: 'switch' },
  ],
  accelerator: 'tcg',
  details: {
    machine: 'pc-q35-7.2',
    cpu: defaultCpu,
    boot: { kernel: '/boot/guest', arguments: 'console=ttyS0 a=1,2' },
    networkTypes: {},
  },
}
const parts = {
  folder: vmFolder('/run/x,y/qemu', vm.id),
  networks: {
    lan: { type: 'bridge', bridge: 'br0' },
    switch: { type: 'socket', path: '/run/s,1' },
  },
  kernel: { kernel: '/boot/guest-6.1' },
  isIncoming: false,
  platform: 'linux',
} as const

test('a whole command line', () => {
  expect(commandLineOf(vm, parts).join('\n')).toMatchSnapshot()
})

test('a copy that arrives has the same hardware at the same places, and waits', () => {
  const [here, there] = [false, true].map((isIncoming) =>
    commandLineOf(vm, { ...parts, isIncoming }),
  )
  expect(there).toEqual([...(here ?? []), '-incoming', 'defer'])
})

test('the memory of an emulated guest does not end where 64 pages do, that of another one is as asked for', () => {
  const markedAtOnceBytes = 64 * 4 * KiB
  expect(ramBytesOf(vm) % markedAtOnceBytes).not.toBe(0)
  expect(commandLineOf(vm, parts)).toContain(`size=${ramBytesOf(vm)}B`)
  expect(ramBytesOf({ ...vm, accelerator: 'kvm' })).toBe(vm.memoryBytes)
})

test('a guest that boots its disk is given no kernel', () => {
  const details = { ...vm.details, boot: { disk: true as const } }
  const args = commandLineOf({ ...vm, details }, { ...parts, kernel: null })
  expect(args).not.toContain('-kernel')
  expect(args).not.toContain('-append')
})

test('a network that this host does not have is named', () => {
  const elsewhere = { ...parts, networks: { toString: parts.networks.lan } }
  expect(() => commandLineOf(vm, elsewhere)).toThrow('Network lan is not supported here')
})

test.each([
  ['/dev/vg0/web', { driver: 'host_device', filename: '/dev/vg0/web', aio: 'native' }],
  [
    'nbd+unix:///vdi-1?socket=/run/vdi.sock',
    { driver: 'nbd', export: 'vdi-1', server: { type: 'unix', path: '/run/vdi.sock' } },
  ],
  ['nbd+unix:///?socket=/run/vdi.sock', { export: '' }],
])('%s as a block node', (device, expected) => {
  const node = blockNodeOf({ slot: 'vda', device, readOnly: false }, 'linux')
  expect(node).toMatchObject({ 'node-name': 'disk-vda', discard: 'unmap', ...expected })
})

test.each([
  'web.img',
  '/srv/web.img',
  'nbd://10.0.0.1/x',
  'nbd+unix:///x',
  'nbd+unix://host/x?socket=/s',
  'nbd+unix:///x?socket=relative',
  'json:{"driver":"file"}',
])('%s is no device for a VM', (device) => {
  const disk = { slot: 'vda', device, readOnly: false }
  expect(() => blockNodeOf(disk, 'linux')).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
})

test.each([
  ['a machine with options', { details: { ...vm.details, machine: 'pc-q35-7.2,accel=kvm' } }],
  ['arguments of QEMU', { details: { ...vm.details, arguments: ['-monitor', 'stdio'] } }],
  ['a CPU that is more than a model', { details: { ...vm.details, cpu: 'qemu64 -S' } }],
  ['a slot beyond the places for disks', { disks: [{ ...vm.disks[0], slot: 'vdq' }] }],
  [
    'a MAC with options',
    { interfaces: [{ slot: '0', mac: '52:54:00:00:00:01,x=y', network: 'a' }] },
  ],
  ['a name with a comma', { name: 'a,b' }],
  ['half a mebibyte', { memoryBytes: MiB / 2 }],
])('%s is refused', (_, changes) => {
  expect(parseQemuVm(vm)).toEqual(vm)
  expect(() => parseQemuVm({ ...vm, ...changes })).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST' }),
  )
})

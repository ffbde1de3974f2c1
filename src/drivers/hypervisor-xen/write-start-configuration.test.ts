import { expect, test } from 'vitest'
import { MiB } from '../../lib/units.ts'
import type { VmStart } from '../../model/vm.ts'
import { writeStartConfiguration } from './write-start-configuration.ts'

const vm: VmStart = {
  id: '89964b20-bf23-42a0-9a26-d8542802d292',
  name: 'web',
  vcpus: 2,
  memoryBytes: 96 * MiB,
  boot: { kernel: '/boot/guest', initrd: '/boot/initrd', arguments: 'console=hvc0 motd="a\\b"' },
  disks: [
    { slot: 'xvda', device: '/dev/mapper/crosspool-1', readOnly: false },
    { slot: 'xvdb', device: '/dev/vg0/b', readOnly: true },
  ],
  interfaces: [{ slot: '0', mac: '00:16:3e:77:00:b4', network: 'xenbr0' }],
}

test('a whole configuration', () => {
  expect(writeStartConfiguration(vm)).toBe(`type = "pvh"
name = "web"
uuid = "89964b20-bf23-42a0-9a26-d8542802d292"
vcpus = 2
memory = 96
kernel = "/boot/guest"
ramdisk = "/boot/initrd"
cmdline = "console=hvc0 motd=\\"a\\\\b\\""
disk = [ "format=raw,vdev=xvda,access=rw,target=/dev/mapper/crosspool-1", "format=raw,vdev=xvdb,access=ro,target=/dev/vg0/b" ]
vif = [ "mac=00:16:3e:77:00:b4,bridge=xenbr0" ]
`)
})

test.each([
  ['NOT_SUPPORTED', { boot: { disk: true } }],
  ['NOT_SUPPORTED', { cpu: 'Nehalem' }],
  ['BAD_REQUEST', { boot: { kernel: '/boot/a\nb', arguments: '' } }],
  [
    'BAD_REQUEST',
    { disks: [{ slot: 'xvda', device: 'nbd+unix:///a?socket=/b', readOnly: false }] },
  ],
  ['BAD_REQUEST', { disks: [{ slot: 'xvda', device: '/dev/a,script=/x', readOnly: false }] }],
  ['BAD_REQUEST', { disks: [{ slot: 'xvda,script=x', device: '/dev/a', readOnly: false }] }],
  ['BAD_REQUEST', { interfaces: [{ slot: '0', mac: 'x', network: 'xenbr0' }] }],
  [
    'BAD_REQUEST',
    { interfaces: [{ slot: '0', mac: '00:16:3e:77:00:b4', network: 'br,script=x' }] },
  ],
] as const)('%s: %j', (code, changes) => {
  const wanted = { ...vm, ...changes } as VmStart
  expect(() => writeStartConfiguration(wanted)).toThrow(expect.objectContaining({ code }))
})

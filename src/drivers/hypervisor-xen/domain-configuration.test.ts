import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MiB } from '../../lib/units.ts'
import type { VmConfiguration } from '../../model/vm.ts'
import { parseDomainConfigurations } from './parse-domain-list.ts'
import { fieldsOf, listOf } from './plain-data.ts'
import { obstaclesOf, readDomainConfiguration } from './read-domain-configuration.ts'
import { writeDomainConfiguration } from './write-domain-configuration.ts'

const file = join(import.meta.dirname, '../../../test/captured/xen-4.17.7/xl-list-l.json')
const real = parseDomainConfigurations(readFileSync(file, 'utf8')).get(3) ?? {}
const disk = {
  pdev_path: '/dev/vg0/web',
  vdev: 'xvda',
  backend: 'phy',
  format: 'raw',
  readwrite: 1,
}
const withDisks = {
  ...real,
  disks: [
    disk,
    { ...disk, vdev: 'xvdb', readwrite: 0, script: '/root/script', direct_io_safe: true },
    { vdev: 'hdc', format: 'empty', removable: 1, is_cdrom: 1 },
  ],
}
const capabilities = ['pv', 'hvm', 'hap']

const vm: VmConfiguration = {
  id: '89964b20-bf23-42a0-9a26-d8542802d292',
  name: 'web',
  state: 'running',
  ...readDomainConfiguration(withDisks),
  disks: [
    { slot: 'xvda', device: '/dev/mapper/cp-1', readOnly: false },
    { slot: 'xvdb', device: '/dev/mapper/cp-2', readOnly: true },
  ],
  interfaces: [{ slot: '0', mac: '00:16:3e:77:00:b4', network: 'br-dmz' }],
  obstacles: [],
  hypervisor: 'xen',
  details: { domain: withDisks },
  cpuPolicy: {},
}

describe('reading', () => {
  test('a real domain', () => {
    expect(readDomainConfiguration(real)).toEqual({
      vcpus: 1,
      memoryBytes: 96 * MiB,
      disks: [],
      interfaces: [{ slot: '0', mac: '00:16:3e:77:00:b4', network: 'xenbr0' }],
    })
    expect(obstaclesOf(real, capabilities)).toEqual([])
  })

  test('disks; an empty drive is none', () => {
    expect(readDomainConfiguration(withDisks).disks).toEqual([
      { slot: 'xvda', device: '/dev/vg0/web', readOnly: false },
      { slot: 'xvdb', device: '/dev/vg0/web', readOnly: true },
    ])
  })

  test('PV needs shadow paging', () => {
    const pv = { ...real, c_info: { type: 'pv', name: 'old' } }
    expect(obstaclesOf(pv, capabilities)).toEqual([
      'type "pv" cannot be live-migrated where Xen has no shadow paging',
    ])
    expect(obstaclesOf(pv, [...capabilities, 'shadow'])).toEqual([])
  })

  test('what ties a domain to its host', () => {
    const tied = {
      ...real,
      pcidevs: [{ dev: 2 }],
      disks: [
        { ...disk, backend_domname: 'storage' },
        { ...disk, vdev: 'xvdb', format: 'qcow2' },
      ],
      b_info: { ...fieldsOf(real.b_info), iomem: [{ start: 1 }], disable_migrate: 'True' },
    }
    expect(obstaclesOf(tied, capabilities)).toEqual([
      'it has passed-through PCI devices (1)',
      'it has I/O memory of the host',
      'its configuration forbids migration',
      'disk xvda is served by the domain storage',
      'disk xvdb is read in the format qcow2',
    ])
  })
})

describe('writing', () => {
  const write = (change: Partial<VmConfiguration> = {}) =>
    JSON.parse(writeDomainConfiguration({ ...vm, ...change }))

  test('the guest stays as it is', () => {
    const { c_info, b_info, on_crash, on_reboot } = write()
    expect(c_info).toEqual({ type: 'pvh', run_hotplug_scripts: 'True', name: 'web', uuid: vm.id })
    expect(b_info).toMatchObject({ max_memkb: 98304, max_vcpus: 1, 'type.pvh': {} })
    expect([on_crash, on_reboot]).toEqual(['preserve', 'restart'])
  })

  test('disks and networks are those of this host', () => {
    const { disks, nics } = write()
    expect(disks).toEqual([
      { vdev: 'hdc', format: 'empty', removable: 1, is_cdrom: 1 },
      { pdev_path: '/dev/mapper/cp-1', vdev: 'xvda', format: 'raw', readwrite: 1 },
      { pdev_path: '/dev/mapper/cp-2', vdev: 'xvdb', format: 'raw', direct_io_safe: true },
    ])
    expect(nics).toEqual([{ devid: 0, mac: '00:16:3e:77:00:b4', bridge: 'br-dmz', nictype: 'vif' }])
  })

  test('nothing of the sender reaches programs or devices of this host', () => {
    const harmful = 'HARM'
    const domain = {
      ...withDisks,
      c_info: { ...fieldsOf(real.c_info), pool_name: harmful, ssidref: 1, xsdata: { a: harmful } },
      b_info: {
        ...fieldsOf(real.b_info),
        device_model: harmful,
        device_model_user: harmful,
        extra: ['-chardev', harmful],
        extra_hvm: [harmful],
        bootloader: harmful,
        bootloader_args: [harmful],
        stubdomain_kernel: harmful,
        iomem: [{ start: 1 }],
        cpumap: [5],
        nodemap: [1],
        'type.pvh': { pvshim: 'True', pvshim_path: harmful },
        'type.hvm': { firmware: harmful, serial: `file:${harmful}`, usbdevice: `host:${harmful}` },
      },
      disks: listOf(withDisks.disks).map((one) => ({
        ...one,
        script: harmful,
        pdev_path: harmful,
      })),
      nics: [{ mac: '00:16:3e:77:00:b4', script: harmful, ifname: harmful, bridge: harmful }],
      pcidevs: [{ dev: harmful }],
      channels: [{ path: harmful }],
      unheard_of: harmful,
    }
    const written = writeDomainConfiguration({ ...vm, details: { domain } })
    expect(written).not.toContain(harmful)
    expect(JSON.parse(written).b_info).not.toHaveProperty('cpumap')
  })

  test.each([
    ['an option more for QEMU', { 'type.hvm': { boot: 'c,splash=/etc/shadow' } }, 'boot'],
    ['a file for its keyboard', { 'type.hvm': { keymap: '/etc/shadow' } }, 'keymap'],
    ['a file for its sound', { 'type.hvm': { soundhw: 'hda,audiodev=x' } }, 'soundhw'],
    ['more video memory than a host has', { video_memkb: 2 ** 40 }, 'video_memkb'],
    ['more shadow memory than a host has', { shadow_memkb: 2 ** 40 }, 'shadow_memkb'],
    ['lines in its command line', { cmdline: 'quiet\nkernel="/etc/shadow"' }, 'cmdline'],
    ['a kernel that is no path', { kernel: 'vmlinux' }, 'kernel'],
    ['a word as deep as a well', { cpuid: JSON.parse('['.repeat(9) + ']'.repeat(9)) }, 'cpuid'],
  ])('%s is refused by its name', (_, change, place) => {
    const domain = { ...withDisks, b_info: { ...fieldsOf(real.b_info), ...change } }
    expect(() => write({ details: { domain } })).toThrow(new RegExp(`taken over: .*${place}`))
  })

  test('a model of an interface that is more than a model is refused', () => {
    const nics = [{ mac: '00:16:3e:77:00:b4', model: 'e1000,romfile=/etc/shadow' }]
    expect(() => write({ details: { domain: { ...withDisks, nics } } })).toThrow('nics.0.model')
  })

  test('memory and CPUs are those that were reserved, whatever the details say', () => {
    const b_info = { ...fieldsOf(real.b_info), max_memkb: 2 ** 33, target_memkb: 2 ** 33 }
    const written = write({ details: { domain: { ...withDisks, b_info } } })
    expect(written.b_info).toMatchObject({ max_memkb: 98304, target_memkb: 98304, max_vcpus: 1 })
  })

  test('its screen is served to this host alone, whatever the details say', () => {
    const vnc = { enable: 'True', listen: '0.0.0.0', passwd: 'a b', findunused: 'True' }
    const b_info = { 'type.hvm': { vnc, vga: { kind: 'std' } } }
    const vfbs = [{ devid: 0, vnc, sdl: { xauthority: '/root/.Xauthority' } }]
    const written = write({ details: { domain: { ...withDisks, b_info, vfbs } } })
    const served = { enable: 'True', passwd: 'a b', findunused: 'True' }
    expect(written.b_info['type.hvm']).toEqual({ vnc: served, vga: { kind: 'std' } })
    expect(written.vfbs).toEqual([{ devid: 0, vnc: served }])
  })

  test('details of another hypervisor are refused', () => {
    expect(() => write({ details: { machine: 'q35' } })).toThrow('no configuration of a Xen domain')
  })
})

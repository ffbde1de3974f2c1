import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectedStreams } from '../../../test/support/connected-streams.ts'
import { hasQemu, type QemuHosts, qemuHosts } from '../../../test/support/qemu-hosts.ts'
import { GiB } from '../../lib/units.ts'
import type { VmConfiguration } from '../../model/vm.ts'
import { systemClock } from '../system/clock.ts'
import { systemCommandRunner } from '../system/command-runner.ts'
import { findKernel } from './find-kernel.ts'
import { parseAvailable } from './host-facts.ts'
import { proveKvm } from './prove-kvm.ts'
import { createQemuHypervisor } from './qemu-hypervisor.ts'

/** What the driver says of hosts and CPUs, and what it refuses; with the QEMU that is installed here. */
describe.skipIf(!hasQemu)('a host with QEMU', () => {
  let hosts: QemuHosts

  beforeEach(async () => {
    hosts = await qemuHosts()
  })

  afterEach(() => hosts.dispose())

  async function configured(): Promise<VmConfiguration> {
    const guest = hosts.guest()
    await hosts.source.start(guest)
    return hosts.source.configuration(guest.id)
  }

  test('a guest can have the CPU that its configuration names, and no other host is asked for more', async () => {
    const vm = await configured()
    expect(vm.details).toMatchObject({ machine: expect.stringMatching(/^pc-q35-\d/) })
    expect(vm.cpuPolicy).toMatchObject({
      accelerator: 'tcg',
      features: expect.stringMatching(/\bsse4\.2\b/),
    })
    expect(await hosts.destination.missingCpuFeatures(vm)).toEqual([])
  })

  test('what another host gives its guests and this one cannot is named', async () => {
    const vm = await configured()
    const missing = (changes: Partial<VmConfiguration>) =>
      hosts.destination.missingCpuFeatures({ ...vm, ...changes })
    const features = `${vm.cpuPolicy.features} avx512f`
    expect(await missing({ cpuPolicy: { ...vm.cpuPolicy, features } })).toEqual(['avx512f'])
    expect(await missing({ cpuPolicy: { ...vm.cpuPolicy, accelerator: 'kvm' } })).toEqual([
      'accelerator kvm',
    ])
    expect(await missing({ cpuPolicy: { ...vm.cpuPolicy, vendor: 'GenuineIntel' } })).toEqual([
      'vendor GenuineIntel',
    ])
    expect(await missing({ details: { ...vm.details, cpu: 'Future-v1' } })).toEqual(['Future-v1'])
    expect(await missing({ details: { ...vm.details, machine: 'pc-q35-99.0' } })).toEqual([
      'machine pc-q35-99.0',
    ])
  })

  test('a CPU that is whatever the host has is an obstacle', async () => {
    const guest = hosts.guest({ cpu: 'max' })
    await hosts.source.start(guest)
    expect((await hosts.source.list())[0]?.obstacles).toEqual([
      'CPU model "max" is not the same on every host',
    ])
  })

  test('a start that fails says why, and leaves nothing', async () => {
    await hosts.disk.stop()
    const started = hosts.source.start(hosts.guest())
    await expect(started).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      details: { output: expect.stringContaining('disk.sock') },
    })
    expect(await hosts.source.list()).toEqual([])
  })

  test.each([
    ['MEMORY_SHORT', { memoryBytes: 1024 * 1024 * GiB }],
    ['NOT_SUPPORTED', { boot: { kernel: '/etc/hostname', arguments: '' } }],
    ['NOT_SUPPORTED', { interfaces: [{ slot: '0', mac: '52:54:00:12:34:56', network: 'x' }] }],
    ['BAD_REQUEST', { disks: [{ slot: 'vda', device: '/etc/hostname', readOnly: true }] }],
    ['BAD_REQUEST', { cpu: 'qemu64,+avx' }],
  ] as const)('%s: %j', async (code, changes) => {
    const guest = { ...hosts.guest(), ...changes }
    const started = hosts.source.start({
      ...guest,
      disks: [...guest.disks],
      interfaces: [...guest.interfaces],
    })
    await expect(started).rejects.toMatchObject({ code })
    expect(await hosts.source.list()).toEqual([])
  })

  test('a VM whose kernel is missing at the destination is not received, and says so', async () => {
    const vm = await configured()
    const boot = { kernel: '/boot/of-another-host', arguments: '' }
    const details = { ...vm.details, boot }
    const incoming = await hosts.destination.receive(
      { ...vm, details },
      connectedStreams().destination,
    )
    await expect(incoming.ready).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: expect.stringContaining('/boot/of-another-host'),
    })
  })

  test('a VM on a NAT is received on a NAT only', async () => {
    const vm = await configured()
    const destination = createQemuHypervisor({
      ...{ commandRunner: systemCommandRunner, clock: systemClock, accelerator: 'tcg' },
      runtimeDirectory: join(hosts.folder, 'other'),
      networks: { lan: { type: 'socket', path: join(hosts.folder, 'switch') } },
    })
    const received = destination.receive(vm, connectedStreams().destination)
    await expect(received).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    const details = { ...vm.details, machine: 'isapc' }
    const other = hosts.destination.receive({ ...vm, details }, connectedStreams().destination)
    await expect(other).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('a VM is known by its UUID alone', async () => {
    const { name } = await configured()
    for (const id of [name, '../source'])
      await expect(hosts.source.resume(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a program that is no QEMU proves nothing', async () => {
    expect(await proveKvm(systemCommandRunner, 'true', hosts.folder, 2_000)).toBe(false)
    expect(await proveKvm(systemCommandRunner, 'no-such-qemu', hosts.folder, 2_000)).toBe(false)
  })

  test('kernels lie in their directories, also by way of a link', async () => {
    const [kernels, other] = ['kernels', 'other'].map((name) => join(hosts.folder, name))
    if (kernels === undefined || other === undefined) throw new Error('no folders')
    for (const folder of [kernels, other]) await mkdir(folder, { recursive: true })
    await writeFile(join(kernels, 'vmlinuz-1'), '')
    await writeFile(join(other, 'secret'), '')
    await symlink('vmlinuz-1', join(kernels, 'vmlinuz'))
    await symlink(join(other, 'secret'), join(kernels, 'trap'))
    const find = (kernel: string) => findKernel({ kernel, arguments: '' }, [kernels])
    expect(await find(join(kernels, 'vmlinuz'))).toEqual({ kernel: join(kernels, 'vmlinuz-1') })
    const outside = [join(other, 'secret'), join(kernels, 'trap'), join(kernels, '../other/secret')]
    for (const path of [...outside, kernels])
      await expect(find(path)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  })
})

test('memory that could be freed is free', () => {
  expect(parseAvailable('MemTotal:  8 kB\nMemAvailable:    4 kB\n')).toBe(4096)
  expect(parseAvailable('')).toBeNull()
})

test('a folder whose sockets would have too long a path is refused at once', () => {
  const options = { commandRunner: systemCommandRunner, clock: systemClock, networks: {} }
  const make = (length: number) =>
    createQemuHypervisor({ ...options, runtimeDirectory: `/${'x'.repeat(length - 1)}` })
  expect(() => make(53)).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }))
  make(52).close()
})

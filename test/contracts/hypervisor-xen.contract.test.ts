import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { createXenHypervisor } from '../../src/drivers/hypervisor-xen/xen-hypervisor.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { MiB } from '../../src/lib/units.ts'
import { connectedStreams } from '../support/connected-streams.ts'
import { FakeXen } from '../support/fake-xen.ts'
import type { HypervisorFixture } from './hypervisor.cases.ts'
import {
  describeCompressedHypervisorContract,
  describeHypervisorContract,
} from './hypervisor.contract.ts'

const name = 'xen, with the outside of xl'
describeHypervisorContract(name, makeFixture)
describeCompressedHypervisorContract(name, makeFixture)

async function makeFixture(): Promise<HypervisorFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'xen-'))
  const hosts = { source: new FakeXen(), destination: new FakeXen() }
  const driverOf = (host: 'source' | 'destination') =>
    createXenHypervisor({
      commandRunner: hosts[host],
      clock: systemClock,
      random: systemRandom,
      runtimeDirectory: join(folder, host),
      kernelDirectories: ['/boot', '/var/lib/crosspool-lab/guest'],
    })
  return {
    source: driverOf('source'),
    destination: driverOf('destination'),
    addVm: async () => hosts.source.add(randomUUID(), 'guest').uuid,
    addObedientVm: async () => hosts.source.add(randomUUID(), 'guest').uuid,
    async newVm() {
      const boot = { kernel: '/boot/guest', arguments: 'console=hvc0' }
      const disks = [{ slot: 'xvda', device: '/dev/vg0/new', readOnly: false }]
      const interfaces = [{ slot: '0', mac: '00:16:3e:00:00:01', network: 'xenbr0' }]
      const common = { name: 'new', vcpus: 2, memoryBytes: 96 * MiB, boot }
      return { ...common, id: randomUUID(), disks, interfaces }
    },
    connect: async () => connectedStreams(),
    async dispose() {
      const children = Object.values(hosts).flatMap((host) => [...host.senders, ...host.receivers])
      expect(children.filter((child) => !child.hasEnded)).toEqual([])
      const sockets = await readdir(join(folder, 'source')).catch(() => [])
      expect(sockets).toEqual([])
      await rm(folder, { recursive: true })
    },
  }
}

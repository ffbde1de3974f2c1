import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { createSimulatedHypervisor } from '../../src/drivers/simulated/hypervisor.ts'
import { createHypervisorWorld } from '../../src/drivers/simulated/hypervisor-world.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { connectedStreams } from '../support/connected-streams.ts'
import type { HypervisorFixture } from './hypervisor.cases.ts'
import {
  describeCompressedHypervisorContract,
  describeHypervisorContract,
} from './hypervisor.contract.ts'

for (const sendsAfterHandover of [false, true]) {
  const style = sendsAfterHandover ? 'rest after the handover' : 'all before the pause'
  const name = `simulated hypervisor, ${style}`
  describeHypervisorContract(name, () => makeFixture(sendsAfterHandover))
  describeCompressedHypervisorContract(name, () => makeFixture(sendsAfterHandover))
}

async function makeFixture(sendsAfterHandover: boolean): Promise<HypervisorFixture> {
  const world = createHypervisorWorld()
  const driverOf = (host: string) => {
    world.addHost(host)
    return createSimulatedHypervisor(world, host, { clock: systemClock, sendsAfterHandover })
  }
  const source = driverOf('source')
  const destination = driverOf('destination')
  let vms = 0
  let writing: NodeJS.Timeout | undefined
  return {
    source,
    destination,
    async addVm() {
      vms += 1
      return world.addVm('source', { id: `vm-${vms}` }).id
    },
    async addObedientVm() {
      return world.addVm('source', { id: 'obedient' }).id
    },
    async addWritingVm() {
      const disks = [{ slot: 'xvda', device: '/dev/simulated', readOnly: false }]
      const { id } = world.addVm('source', { id: 'writing', disks })
      const written = { slot: 'xvda', count: 1, tookUs: 400 }
      writing = setInterval(() => world.addWrites('source', id, written), 10)
      return id
    },
    async newVm() {
      const common = {
        name: 'new',
        vcpus: 1,
        memoryBytes: 1_000_000,
        boot: { disk: true as const },
      }
      return { ...common, id: randomUUID(), disks: [], interfaces: [] }
    },
    connect: async () => connectedStreams(),
    async dispose() {
      clearInterval(writing)
      expect(world.violations).toEqual([])
    },
  }
}

import { setImmediate } from 'node:timers/promises'
import type { Disk } from '../../src/ports/datapath.ts'
import { describeDatapathContract } from './datapath.contract.ts'
import type { DatapathHost } from './datapath.fixture.ts'
import { createSimulatedBlockHosts, type SimulatedBlockHost } from './simulated-block-hosts.ts'

function datapathHost(host: SimulatedBlockHost, name: string): DatapathHost {
  const mapper = host.makeMapper()
  const { write, read, hold } = host
  let datapath = host.makeDatapath()
  let disks = 0
  const newDisk = (sizeBytes: number, volumePath: string): Disk => {
    disks += 1
    return { vdi: `vdi-${name}-${disks}`, sizeBytes, volumePath, format: 'raw', adopted: null }
  }
  return {
    ...{ write, read, hold, losePower: () => host.blocks.losePower() },
    get datapath() {
      return datapath
    },
    async restart() {
      datapath = host.makeDatapath()
    },
    makeDisk: async (sizeBytes) => newDisk(sizeBytes, host.addVolume(sizeBytes)),
    async makeAdoptable(sizeBytes) {
      const half = { target: 'linear', sectors: sizeBytes / 512 / 2, offsetSectors: 0 } as const
      await mapper.create('vg0-guest', [
        { ...half, startSector: 0, device: host.addVolume(sizeBytes) },
        { ...half, startSector: half.sectors, device: host.addVolume(sizeBytes) },
      ])
      const device = mapper.pathOf('vg0-guest')
      return { disk: newDisk(sizeBytes, device), device }
    },
    async tableOf(device) {
      const deviceName = await mapper.nameOf(device)
      const found = deviceName === null ? null : await mapper.inspect(deviceName)
      return JSON.stringify(found?.table)
    },
  }
}

describeDatapathContract('kernel datapath over simulated block devices', async () => {
  const { hosts, cutLink, mendLink } = createSimulatedBlockHosts()
  let ids = 0
  return {
    source: datapathHost(hosts[0], 'source'),
    target: datapathHost(hosts[1], 'target'),
    newId() {
      ids += 1
      return `mirror-${ids}`
    },
    deadlineMs: 5_000,
    ...{ cutLink, mendLink },
    pause: () => setImmediate(),
    dispose: async () => {},
  }
})

import { describeBlockReplicatorContract } from './block-replicator.contract.ts'
import type { ReplicatorHost } from './block-replicator.fixture.ts'
import { createSimulatedBlockHosts, type SimulatedBlockHost } from './simulated-block-hosts.ts'

function replicatorHost(host: SimulatedBlockHost): ReplicatorHost {
  const replicator = host.makeReplicator()
  const { write, read, hold } = host
  return {
    ...{ replicator, write, read, hold },
    async makeDisk(sizeBytes) {
      const device = host.addVolume(replicator.deviceBytes(sizeBytes))
      const metadataDevice = host.addVolume(replicator.metadataBytes(sizeBytes))
      return { device, metadataDevice }
    },
  }
}

describeBlockReplicatorContract('simulated block replicator', async () => {
  const { hosts, cutLink, mendLink } = createSimulatedBlockHosts()
  let names = 0
  return {
    hosts: [replicatorHost(hosts[0]), replicatorHost(hosts[1])],
    newName() {
      names += 1
      return `replication-${names}`
    },
    deadlineMs: 5_000,
    ...{ cutLink, mendLink },
    dispose: async () => {},
  }
})

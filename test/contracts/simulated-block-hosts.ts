import { createSimulatedBlockMapper } from '../../src/drivers/simulated/block-mapper.ts'
import {
  createSimulatedBlockReplicator,
  createSimulatedReplications,
} from '../../src/drivers/simulated/block-replicator.ts'
import { SimulatedBlocks } from '../../src/drivers/simulated/blocks.ts'
import { createFaults } from '../../src/drivers/simulated/faults.ts'
import { createSimulatedMetadataVolumes } from '../../src/drivers/simulated/metadata-volumes.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import { ReplicationNetwork } from '../../src/drivers/simulated/replication-network.ts'
import {
  createSimulatedLinks,
  createSimulatedSecureLinks,
} from '../../src/drivers/simulated/secure-links.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { createKernelDatapath } from '../../src/engine/datapath/kernel-datapath.ts'
import type { Clock } from '../../src/ports/clock.ts'

/** Nothing in a simulated host is so slow that anybody would have to wait for long. */
const quickClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
}

/** One simulated host with all that the kernel's datapath is made of. */
function createSimulatedBlockHost(network: ReplicationNetwork, address: string) {
  const blocks = new SimulatedBlocks()
  const replications = createSimulatedReplications(blocks, network, address)
  const links = createSimulatedLinks(network.links, address)
  const faults = createFaults()
  const records = createMemoryRecordStore()
  const makeMapper = () => createSimulatedBlockMapper(blocks, faults)
  const makeReplicator = () => createSimulatedBlockReplicator(replications, { faults })
  const makeLinks = () => createSimulatedSecureLinks(links, faults)
  const makeDatapath = () =>
    createKernelDatapath({
      blockMapper: makeMapper(),
      replicator: makeReplicator(),
      metadataVolumes: createSimulatedMetadataVolumes(blocks),
      ...{ links: makeLinks(), encryption: 'required', encryptionObstacle: null },
      ...{ clock: quickClock, random: systemRandom, records },
    })
  let volumes = 0
  return {
    ...{ address, blocks, faults, makeMapper, makeReplicator, makeLinks, makeDatapath },
    addVolume(sizeBytes: number): string {
      volumes += 1
      const path = `/dev/volume${volumes}`
      blocks.addVolume(path, sizeBytes)
      return path
    },
    /** The kernel forgets everything; disks and what daemons have written stay. */
    reboot() {
      for (const device of replications.devices.values()) network.remove(device)
      for (const path of blocks.devices.keys())
        if (/^\/dev\/(mapper\/|drbd)/.test(path)) blocks.devices.delete(path)
      replications.devices.clear()
      for (const innerAddress of links.established.values()) network.links.remove(innerAddress)
      links.established.clear()
      network.settle()
    },
    reaches: (innerAddress: string) => network.links.isReached(address, innerAddress),
    write: (path: string, sector: number, text: string) => blocks.write(path, sector, text),
    read: (path: string, sector: number) => blocks.read(path, sector),
    async hold(path: string) {
      const close = blocks.device(path).open()
      return async () => close()
    },
  }
}
export type SimulatedBlockHost = ReturnType<typeof createSimulatedBlockHost>

const simulatedAddresses = ['10.0.0.1', '10.0.0.2'] as const

/** Two hosts and the link between them. */
export function createSimulatedBlockHosts() {
  const network = new ReplicationNetwork()
  const [one, two] = simulatedAddresses
  return {
    hosts: [
      createSimulatedBlockHost(network, one),
      createSimulatedBlockHost(network, two),
    ] as const,
    cutLink: async () => network.cut(one, two),
    mendLink: async () => network.mend(one, two),
  }
}

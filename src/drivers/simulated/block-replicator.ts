import { createOrderedListeners, type OrderedListeners } from '../../lib/ordered-listeners.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type {
  BlockEndpoint,
  BlockReplicationState,
  BlockReplicator,
  BlockResource,
} from '../../ports/block-replicator.ts'
import type { SimulatedBlocks } from './blocks.ts'
import { createFaults, type Faults } from './faults.ts'
import { ReplicatedDevice } from './replicated-device.ts'
import type { ReplicationNetwork } from './replication-network.ts'

/** What the kernel and the reservations of one simulated host know; it outlives the drivers. */
export interface SimulatedReplications {
  readonly blocks: SimulatedBlocks
  readonly network: ReplicationNetwork
  readonly address: string
  readonly reserved: Map<string, { readonly minor: number; readonly endpoint: BlockEndpoint }>
  readonly devices: Map<string, ReplicatedDevice>
  /** Names of those that have changed. */
  readonly changes: OrderedListeners<string>
}

export function createSimulatedReplications(
  blocks: SimulatedBlocks,
  network: ReplicationNetwork,
  address: string,
): SimulatedReplications {
  const changes = createOrderedListeners<string>()
  return { blocks, network, address, reserved: new Map(), devices: new Map(), changes }
}

export interface SimulatedReplicatorOptions {
  readonly faults?: Faults
  readonly minors?: { readonly from: number; readonly to: number }
}

const defaultMinors = { from: 1000, to: 1999 }
const firstPort = 7800

/** Replication between simulated hosts. */
export function createSimulatedBlockReplicator(
  host: SimulatedReplications,
  { faults = createFaults(), minors = defaultMinors }: SimulatedReplicatorOptions = {},
): BlockReplicator {
  const { blocks, network, reserved, devices, changes } = host
  const act = <Result>(name: string, perform: () => Result) =>
    faults.around(`replicator.${name}`, perform)

  function existing(name: string): ReplicatedDevice {
    const device = devices.get(name)
    if (device) return device
    throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id: name })
  }

  function pathOf(name: string): string {
    const reservation = reserved.get(name)
    if (reservation) return `/dev/drbd${reservation.minor}`
    throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id: name })
  }

  function state(name: string): BlockReplicationState | null {
    return devices.get(name)?.state() ?? null
  }

  return {
    capabilities: { scheme: 'drbd', version: 'simulated' },
    metadataBytes: () => 1024 * 1024,
    // As awkward as the real one, so that nobody takes the two sizes to be the same.
    deviceBytes: (sizeBytes) => sizeBytes + 4096,

    reserve: (name) =>
      act('reserve', () => {
        const known = reserved.get(name)
        if (known) return known.endpoint
        const used = new Set([...reserved.values()].map(({ minor }) => minor))
        let minor = minors.from
        while (used.has(minor)) minor += 1
        if (minor > minors.to) throw new CrosspoolError('NO_FREE_MINOR', { ...minors })
        const endpoint = { address: host.address, port: firstPort + minor - minors.from }
        reserved.set(name, { minor, endpoint })
        return endpoint
      }),

    define: (resource) =>
      act('define', () => {
        const { name } = resource
        const present = devices.get(name)
        if (present) {
          if (isSameEncounter(present.resource, resource)) return
          network.part(present)
          present.resource = resource
          return
        }
        const path = pathOf(name)
        const metadata = network.metadataOn(blocks.device(resource.metadataDevice))
        const backing = blocks.device(resource.device)
        const device = new ReplicatedDevice(resource, backing, metadata, () => changes.emit(name))
        devices.set(name, device)
        blocks.devices.set(path, device)
        network.add(device)
        device.changed()
      }),

    connect: (name) =>
      act('connect', () => {
        existing(name).wantsPeer = true
        existing(name).changed()
        network.settle()
      }),

    disconnect: (name) =>
      act('disconnect', () => {
        const device = devices.get(name)
        if (device) network.part(device)
      }),

    limit: (name, bytesPerSecondMax) =>
      act('limit', () => {
        existing(name).bytesPerSecondMax = bytesPerSecondMax
      }),

    promote: (name, options = {}) =>
      act('promote', () => existing(name).promote(options.firstTime === true)),

    demote: (name) => act('demote', () => existing(name).demote()),

    down: (name) =>
      act('down', () => {
        const device = devices.get(name)
        if (device) {
          device.demote()
          network.remove(device)
          device.detach()
          blocks.devices.delete(pathOf(name))
          devices.delete(name)
          device.changed()
        }
        reserved.delete(name)
      }),

    async verify(name, signal) {
      const differentBytes = await (await act('verify', () => existing(name))).verify()
      signal.throwIfAborted()
      return { algorithm: 'equality', differentBytes }
    },

    devicePath: async (name) => pathOf(name),
    state,

    watch(name, listener) {
      listener(state(name))
      return changes.add((changed) => {
        if (changed === name) listener(state(name))
      })
    },

    list: async () => [...reserved.keys()].sort(),
  }
}

function isSameEncounter(one: BlockResource, other: BlockResource): boolean {
  const encounter = ({ local, peer, secret }: BlockResource) =>
    JSON.stringify([local, peer, secret])
  return encounter(one) === encounter(other)
}

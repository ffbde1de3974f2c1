import { createHash } from 'node:crypto'
import {
  createStorageManager,
  type LocalStorageManager,
} from '../../engine/disks/storage-manager.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { SrCreate } from '../../model/sr.ts'
import type { Random } from '../../ports/clock.ts'
import { type Log, silentLog } from '../../ports/log.ts'
import type { StoragePeers } from '../../ports/peers.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import { createSimulatedDatapath } from './datapath.ts'
import { readBlock, writeBlock } from './datapath-device.ts'
import type { Faults } from './faults.ts'
import { createMemoryRecordStore } from './record-store.ts'
import {
  createStorageWorld,
  type SimulatedKernel,
  type StorageWorld,
  type StorageWorldOptions,
} from './storage-world.ts'
import { createSimulatedVolumeStores } from './volume-store.ts'

/** Storage managers of several simulated hosts: the real engine over simulated volumes and mirrors. */
export interface SimulatedStorage {
  readonly world: StorageWorld
  addHost(host: string, options?: SimulatedStorageHostOptions): Promise<SimulatedStorageHost>
  host(host: string): SimulatedStorageHost
}

export interface SimulatedStorageHostOptions {
  /** By default one called `local`. Type `simulated`; its configuration is that of the simulated volume store. */
  readonly srs?: readonly SrCreate[]
  /** Replication schemes, best first. */
  readonly schemes?: readonly string[]
  readonly log?: Log
}

export interface SimulatedStorageHost {
  readonly name: string
  readonly url: string
  /** The present one: a restart makes another. */
  readonly manager: LocalStorageManager
  readonly store: RecordStore
  readonly kernel: SimulatedKernel
  /**
   * Acts by name: `volume-store.create`, `datapath.release`, `store.transact`, `peers.join`, ...:
   * make one fail, or the storage manager crash at any of them.
   */
  readonly faults: Faults
  /** The daemon ends, as in a crash, and is started anew. What runs in the kernel goes on. */
  restart(): Promise<void>
  /** The whole host is started anew: devices and mirrors are gone, volumes and records are not. */
  /** `crashAfterPoints`: its storage manager crashes so many points after its start. */
  reboot(crashAfterPoints?: number): Promise<void>
  /** What a guest does with its device; see `writeBlock`. */
  write(path: string, block: number, value: string): Promise<void>
  read(path: string, block: number): string | undefined
}

export function createSimulatedStorage(
  options: StorageWorldOptions & { readonly random: Random },
): SimulatedStorage {
  const world = createStorageWorld(options)
  const hosts = new Map<string, SimulatedStorageHost>()

  const hostOf = (name: string): SimulatedStorageHost => {
    const host = hosts.get(name)
    if (!host) throw new Error(`the simulated storage has no host ${name}`)
    return host
  }
  const peersOf = (from: string): StoragePeers => ({
    async join({ url, fingerprint }, replication, request) {
      const peer = [...hosts.values()].find((candidate) => candidate.url === url)
      if (!peer || !world.isLinkUp(from, peer.name))
        throw new CrosspoolError('PEER_UNREACHABLE', { url, reason: 'no route to host' })
      if (fingerprint !== simulatedFingerprint(peer.name))
        throw new CrosspoolError('PEER_UNTRUSTED', { url, reason: 'it has another key' })
      const { faults } = world.kernel(from)
      const key = simulatedFingerprint(from)
      return await faults.around('peers.join', () => peer.manager.join(replication, request, key))
    },
  })

  return {
    world,
    host: hostOf,
    async addHost(name, hostOptions = {}) {
      const host = await startHost(world, name, peersOf(name), options.random, hostOptions)
      hosts.set(name, host)
      return host
    },
  }
}

async function startHost(
  world: StorageWorld,
  name: string,
  peers: StoragePeers,
  random: Random,
  options: SimulatedStorageHostOptions,
): Promise<SimulatedStorageHost> {
  const { srs = [{ name: 'local', type: 'simulated', configuration: {} }] } = options
  const url = `https://${name}:7310`
  const fingerprint = simulatedFingerprint(name)
  const { faults } = world.kernel(name)
  const store = withFaults(createMemoryRecordStore(), faults)
  let boots = 1

  const start = async () => {
    const manager = createStorageManager({
      ...{
        host: name,
        url,
        fingerprint,
        apiVersion: '1.0',
        bootId: `boot-${boots}`,
        store,
        peers,
        random,
      },
      ...{ clock: world.clock, log: options.log ?? silentLog },
      volumeStores: { simulated: createSimulatedVolumeStores(world, name) },
      datapath: createSimulatedDatapath(world, name, options.schemes),
      resolvePath: async (path) => path,
    })
    await manager.resumeAfterRestart()
    return manager
  }
  let manager = await start()
  for (const sr of srs) await manager.createSr(sr)

  return {
    ...{ name, url, store, faults },
    get manager() {
      return manager
    },
    get kernel() {
      return world.kernel(name)
    },
    async restart() {
      manager.close()
      faults.recover()
      manager = await start()
    },
    async reboot(crashAfterPoints = Number.POSITIVE_INFINITY) {
      manager.close()
      world.reboot(name)
      faults.crashAfter(crashAfterPoints)
      boots += 1
      manager = await start()
    },
    write: (path, block, value) => writeBlock(world, name, path, block, value),
    read: (path, block) => readBlock(world, name, path, block),
  }
}

/** Writes may fail on request; reads do not, since nothing is lost by them. */
function withFaults(store: RecordStore, faults: Faults): RecordStore {
  return {
    ...store,
    transact: (transaction) => faults.around('store.transact', () => store.transact(transaction)),
  }
}

/** Every host has a key, and this is what others know of it. */
export function simulatedFingerprint(host: string): string {
  return `sha256//${createHash('sha256').update(host).digest('base64')}`
}

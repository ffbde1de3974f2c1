import { duplexPair } from 'node:stream'
import { createSimulatedClock, type SimulatedClock } from '../../src/drivers/simulated/clock.ts'
import { createSimulatedDatapath } from '../../src/drivers/simulated/datapath.ts'
import { createSimulatedHypervisor } from '../../src/drivers/simulated/hypervisor.ts'
import {
  createHypervisorWorld,
  type HypervisorWorld,
} from '../../src/drivers/simulated/hypervisor-world.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import { simulatedFingerprint } from '../../src/drivers/simulated/storage-manager.ts'
import { createStorageWorld, type StorageWorld } from '../../src/drivers/simulated/storage-world.ts'
import { createSimulatedVolumeStores } from '../../src/drivers/simulated/volume-store.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import {
  createStorageManager,
  type LocalStorageManager,
} from '../../src/engine/disks/storage-manager.ts'
import type { MigrationLimits, ToolstackEnvironment } from '../../src/engine/environment.ts'
import { decoded } from '../../src/engine/migration/memory-encoding.ts'
import { describeHost } from '../../src/engine/vms/describe-host.ts'
import { Toolstack } from '../../src/engine/vms/toolstack.ts'
import { CrosspoolError } from '../../src/model/errors.ts'
import type { MigrateRequest } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { Hypervisor } from '../../src/ports/hypervisor.ts'
import { silentLog } from '../../src/ports/log.ts'
import type { StoragePeers, ToolstackPeer, ToolstackPeers } from '../../src/ports/peers.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'

export interface SimulatedHost {
  readonly name: string
  readonly storage: LocalStorageManager
  readonly toolstack: Toolstack
}

/** Sees each call of a port before it is made; throwing makes the call fail. */
export type CallObserver = (host: string, port: string, method: string) => void

export interface SimulatedClusterOptions {
  /** As QEMU does: some state goes across after the disks. */
  readonly sendsAfterHandover?: boolean
  readonly onCall?: CallObserver
  readonly limits?: MigrationLimits
}

/** Both halves of Crosspool, for real, over simulated disks, hypervisors, links and time. */
export class SimulatedCluster {
  readonly clock: SimulatedClock = createSimulatedClock()
  readonly disks: StorageWorld = createStorageWorld({ clock: this.clock })
  readonly vms: HypervisorWorld = createHypervisorWorld()
  readonly #options: SimulatedClusterOptions
  readonly #hosts = new Map<string, SimulatedHost>()

  constructor(options: SimulatedClusterOptions = {}) {
    this.#options = options
  }

  async addHost(name: string, pool: string): Promise<SimulatedHost> {
    this.vms.addHost(name)
    const { clock } = this
    const storage = createStorageManager({
      ...{
        host: name,
        url: `https://${name}`,
        fingerprint: simulatedFingerprint(name),
        apiVersion: '1.0',
        bootId: 'first',
        clock,
        random: systemRandom,
        log: silentLog,
      },
      store: createMemoryRecordStore(),
      volumeStores: { simulated: createSimulatedVolumeStores(this.disks, name) },
      datapath: createSimulatedDatapath(this.disks, name),
      peers: this.#storagePeers(name),
      resolvePath: async (path) => path,
    })
    await storage.createSr({ name: 'local', type: 'simulated', configuration: {} })
    const environment: ToolstackEnvironment = {
      ...{
        host: name,
        pool,
        url: `http://${name}`,
        apiVersion: '1.0',
        clock,
        random: systemRandom,
        log: silentLog,
      },
      storage: this.#observed<StorageManager>(name, 'storage', storage),
      hypervisor: this.#observed<Hypervisor>(name, 'hypervisor', this.#hypervisor(name)),
      peers: this.#toolstackPeers(name),
      store: createMemoryRecordStore(),
      heartbeat: { intervalMs: 1_000, deadlineMs: 10_000 },
      ...(this.#options.limits ? { limits: this.#options.limits } : {}),
    }
    const toolstack = new Toolstack(environment)
    const host = { name, storage, toolstack }
    this.#hosts.set(name, host)
    this.#environments.set(name, environment)
    return host
  }

  /** A xapi that begins anew with what is durable; whoever holds the old one must have closed it. */
  async restartToolstack(name: string): Promise<Toolstack> {
    const environment = this.#environments.get(name)
    if (!environment) throw new Error(`the cluster has no host ${name}`)
    const toolstack = new Toolstack(environment)
    this.#hosts.set(name, { ...this.host(name), toolstack })
    await toolstack.recover()
    return toolstack
  }

  host(name: string): SimulatedHost {
    const host = this.#hosts.get(name)
    if (!host) throw new Error(`the cluster has no host ${name}`)
    return host
  }

  /** Lets time pass until the promise has settled. */
  async until<T>(promise: Promise<T>, what: string): Promise<T> {
    let isSettled = false
    const noted = promise.finally(() => {
      isSettled = true
    })
    noted.catch(() => {})
    for (let step = 0; !isSettled; step += 1) {
      if (step > 2_000) throw new Error(`${what} has not ended`)
      await this.clock.advance(100)
    }
    return noted
  }

  /** Migrates and waits for the end. */
  async migrate(
    vm: string,
    from: string,
    to: string,
    request: Partial<MigrateRequest> = {},
  ): Promise<Operation> {
    const { toolstack } = this.host(from)
    const full = {
      destination: `http://${to}`,
      srMap: {},
      networkMap: {},
      keepSourceDisks: false,
      ...request,
    }
    const { id } = await this.until(toolstack.migrate(vm, full), 'the beginning of the migration')
    return this.until(toolstack.operations.wait(id), 'the migration')
  }

  readonly #environments = new Map<string, ToolstackEnvironment>()

  #hypervisor(name: string): Hypervisor {
    const { sendsAfterHandover = false } = this.#options
    return createSimulatedHypervisor(this.vms, name, {
      clock: this.clock,
      sendsAfterHandover,
      chunkMs: 10,
    })
  }

  #storagePeers(from: string): StoragePeers {
    return {
      join: async ({ url }, replication, request) => {
        const to = new URL(url).hostname
        this.#checkLink(from, to)
        return this.host(to).storage.join(replication, request, simulatedFingerprint(from))
      },
    }
  }

  #toolstackPeers(from: string): ToolstackPeers {
    return {
      connect: (url) => this.#observed(from, 'peer', this.#peer(from, new URL(url).hostname)),
    }
  }

  #peer(from: string, to: string): ToolstackPeer {
    const toolstack = () => {
      this.#checkLink(from, to)
      return this.host(to).toolstack
    }
    const receivers = () => toolstack().receivers
    return {
      host: async () => {
        receivers()
        const environment = this.#environments.get(to)
        if (!environment) throw new Error(`the cluster has no host ${to}`)
        return describeHost(environment)
      },
      inventory: async () => toolstack().inventories.own(),
      claim: async (vm) => toolstack().replicas.claimOf(vm),
      replicaDropped: async (id) => toolstack().replicas.dropped(id),
      preflight: async (request) => receivers().preflight(request),
      receive: async (request) => receivers().receive(structuredClone(request)),
      getReceiver: async (id, token) => receivers().get(id, token),
      openMemory: async (id, token, encoding = 'plain') => {
        const accept = await receivers().openMemory(id, token)
        const [here, there] = duplexPair()
        accept(decoded(there, encoding))
        return here
      },
      heartbeat: async (id, token, beat) => receivers().heartbeat(id, token, beat),
      take: async (id, token, request) => receivers().take(id, token, request),
      start: async (id, token) => receivers().start(id, token),
      close: async (id, token, keep) => receivers().close(id, token, keep),
      diskWrites: async (id, token) => receivers().diskWrites(id, token),
      abort: async (id, token, reason) => receivers().abort(id, token, reason),
    }
  }

  #checkLink(a: string, b: string): void {
    if (!this.disks.isLinkUp(a, b))
      throw new CrosspoolError('PEER_UNREACHABLE', {
        url: `http://${b}`,
        reason: 'the link is cut',
      })
  }

  /** The same port, with each call shown to the observer first. */
  #observed<Port extends object>(host: string, port: string, target: Port): Port {
    const { onCall } = this.#options
    if (!onCall) return target
    return new Proxy(target, {
      get: (object, name, receiver) => {
        const value = Reflect.get(object, name, receiver)
        if (typeof value !== 'function' || typeof name !== 'string') return value
        return (...args: unknown[]) => {
          try {
            onCall(host, port, name)
          } catch (error) {
            // Watches are not promises.
            if (name.startsWith('watch')) throw error
            return Promise.reject(error)
          }
          return Reflect.apply(value, object, args)
        }
      },
    })
  }
}

import { createSimulatedDatapath } from '../../src/drivers/simulated/datapath.ts'
import { createSimulatedHypervisor } from '../../src/drivers/simulated/hypervisor.ts'
import type { HypervisorWorld } from '../../src/drivers/simulated/hypervisor-world.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import { simulatedFingerprint } from '../../src/drivers/simulated/storage-manager.ts'
import type { StorageWorld } from '../../src/drivers/simulated/storage-world.ts'
import { createSimulatedVolumeStores } from '../../src/drivers/simulated/volume-store.ts'
import {
  createStorageManager,
  type LocalStorageManager,
} from '../../src/engine/disks/storage-manager.ts'
import type { ToolstackEnvironment } from '../../src/engine/environment.ts'
import { Toolstack } from '../../src/engine/vms/toolstack.ts'
import type { Datapath } from '../../src/ports/datapath.ts'
import { silentLog } from '../../src/ports/log.ts'
import type { ToolstackPeer } from '../../src/ports/peers.ts'
import type { RecordStore } from '../../src/ports/record-store.ts'
import { Daemon } from './daemon.ts'
import type { Life } from './life.ts'
import type { Network } from './network.ts'
import type { PausingStyle } from './scenario.ts'
import type { Scheduler } from './scheduler.ts'
import type { SeededRandom } from './seeded-random.ts'
import { createStorageClient } from './storage-client.ts'
import { createToolstackPeers } from './toolstack-client.ts'

/** A xapi as its peers reach it. */
export interface ServingToolstack {
  readonly toolstack: Toolstack
  readonly environment: ToolstackEnvironment
}

/** A wrong behaviour, put in between a daemon and its ports, to prove that it is found. */
export interface Mutation {
  readonly name: string
  readonly datapath?: (datapath: Datapath, host: string, disks: StorageWorld) => Datapath
  readonly storage?: (store: RecordStore) => RecordStore
  readonly toolstack?: (ports: MutablePorts, host: string) => MutablePorts
}

export type MutablePorts = Pick<ToolstackEnvironment, 'store' | 'peers'>

export interface WholeHostParts {
  readonly name: string
  readonly pool: string
  readonly scheduler: Scheduler
  readonly random: SeededRandom
  readonly disks: StorageWorld
  readonly vms: HypervisorWorld
  readonly network: Network
  readonly style: PausingStyle
  readonly mutation: Mutation | null
  readonly toolstackOf: (host: string) => Daemon<ServingToolstack>
  readonly storageOf: (host: string) => Daemon<LocalStorageManager>
  /** The source is about to ask the destination to take the VM. */
  onTake(): void
  onPoint(daemon: string, act: string, moment: 'before' | 'after'): void
  turn(): Promise<void>
}

/** Both daemons of a host over its kernel, disks and hypervisor; what is durable outlives them. */
export class WholeHost {
  readonly name: string
  readonly storage: Daemon<LocalStorageManager>
  readonly toolstack: Daemon<ServingToolstack>
  readonly storageStore: RecordStore
  readonly toolstackStore: RecordStore
  readonly #parts: WholeHostParts
  #boots = 1

  constructor(parts: WholeHostParts) {
    this.#parts = parts
    this.name = parts.name
    const now = () => parts.scheduler.elapsedMs
    this.storageStore = createMemoryRecordStore({ now })
    this.toolstackStore = createMemoryRecordStore({ now })
    const daemon = <Service>(kind: string, start: (life: Life) => Promise<Service>) => {
      const name = `${kind}-${parts.name}`
      const onPoint = (act: string, moment: 'before' | 'after') => parts.onPoint(name, act, moment)
      return new Daemon({ name, host: parts.name, start, hooks: { onPoint, turn: parts.turn } })
    }
    this.storage = daemon('sm', (life) => this.#startStorage(life))
    this.toolstack = daemon('xapi', (life) => this.#startToolstack(life))
  }

  daemon(name: string): Daemon<unknown> | undefined {
    return [this.storage, this.toolstack].find((daemon) => daemon.name === name)
  }

  async start(): Promise<void> {
    await Promise.all([this.storage.start(), this.toolstack.start()])
  }

  /** The power fails: both daemons and all that the kernel and the hypervisor held. */
  losePower(): void {
    const { disks, vms, name } = this.#parts
    this.storage.crash()
    this.toolstack.crash()
    vms.incoming(name).clear()
    vms.neverRan(name).clear()
    for (const vm of [...vms.host(name).vms.keys()]) vms.remove(name, vm)
    disks.reboot(name)
    this.#boots += 1
  }

  async #startStorage(life: Life): Promise<LocalStorageManager> {
    const { name, disks, scheduler, random, mutation } = this.#parts
    const factory = createSimulatedVolumeStores(disks, name)
    const datapath = createSimulatedDatapath(disks, name)
    const manager = createStorageManager({
      ...{ host: name, url: `https://${name}`, fingerprint: simulatedFingerprint(name) },
      ...{ apiVersion: '1.0', bootId: `boot-${this.#boots}` },
      ...{ clock: life.clock(scheduler.clock), random, log: silentLog },
      store: life.guard('store', mutation?.storage?.(this.storageStore) ?? this.storageStore),
      volumeStores: { simulated: (sr) => life.guard('volumes', factory(sr)) },
      datapath: life.guard('datapath', mutation?.datapath?.(datapath, name, disks) ?? datapath),
      peers: life.guard('peer', {
        join: (
          { url }: { readonly url: string },
          replication: string,
          request: Parameters<typeof manager.join>[1],
        ) =>
          this.#parts.network.call({
            label: `sm-${name} > sm-${new URL(url).hostname} join`,
            from: { host: name, life },
            to: this.#parts.storageOf(new URL(url).hostname),
            timeoutMs: 120_000,
            work: (storage) => storage.join(replication, request, simulatedFingerprint(name)),
          }),
      }),
      resolvePath: async (path) => path,
    })
    await manager.resumeAfterRestart()
    return manager
  }

  async #startToolstack(life: Life): Promise<ServingToolstack> {
    const { name, pool, scheduler, random, network, mutation } = this.#parts
    const from = { name: `xapi-${name}`, host: name, life }
    const made: MutablePorts = {
      store: this.toolstackStore,
      peers: createToolstackPeers(from, this.#parts.toolstackOf, network),
    }
    const { store, peers } = mutation?.toolstack?.(made, name) ?? made
    const environment: ToolstackEnvironment = {
      ...{ host: name, pool, url: `http://${name}`, apiVersion: '1.0' },
      ...{ clock: life.clock(scheduler.clock), random, log: silentLog },
      storage: life.guard('storage', createStorageClient(from, this.storage, network, scheduler)),
      hypervisor: life.guard('hypervisor', this.#hypervisor(life)),
      peers: { connect: (url) => life.guard('peer', this.#watched(peers.connect(url))) },
      store: life.guard('store', store),
      heartbeat: { intervalMs: 1_000, deadlineMs: 10_000 },
    }
    const toolstack = new Toolstack(environment)
    await toolstack.recover()
    return { toolstack, environment }
  }

  #watched(peer: ToolstackPeer): ToolstackPeer {
    return {
      ...peer,
      take: (...request) => {
        this.#parts.onTake()
        return peer.take(...request)
      },
    }
  }

  /** What a daemon that has crashed still wanted of the hypervisor does not happen. */
  #hypervisor(life: Life) {
    const { name, vms, scheduler, style } = this.#parts
    const alive = () => {
      if (life.isOver) throw new Error('this daemon has crashed')
    }
    const world: HypervisorWorld = {
      ...vms,
      setState: (...change) => {
        alive()
        vms.setState(...change)
      },
      put: (...change) => {
        alive()
        vms.put(...change)
      },
      remove: (...change) => {
        alive()
        vms.remove(...change)
      },
    }
    const clock = life.clock(scheduler.clock)
    const hypervisor = createSimulatedHypervisor(world, name, {
      ...{
        clock,
        chunkMs: 3,
        sendsAfterHandover: style === 'late',
        keepsReceived: style === 'kept',
      },
    })
    life.onEnd(() => hypervisor.crash())
    return hypervisor
  }
}

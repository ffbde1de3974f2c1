import type { Inventory, KnownInventory } from '../../model/inventory.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import type { Vm } from '../../model/vm.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { describeHost } from './describe-host.ts'
import { describeReplicas } from './describe-replicas.ts'
import type { KnownHost } from './known-hosts.ts'

interface Sources {
  vms(): Promise<Vm[]>
  operations(): Promise<Operation[]>
  otherHosts(): Promise<readonly KnownHost[]>
}

type Listener = (inventories: KnownInventory[]) => void

const endedShown = 20
/** Each look runs the hosts' own tools: lvs, xl. */
const intervalMs = 2_000

/** What is on this host and on those that it knows, for whoever wants to see all of it. */
export class Inventories {
  readonly #environment: ToolstackEnvironment
  readonly #sources: Sources
  readonly #listeners = new Set<Listener>()
  #watching = new AbortController()

  constructor(environment: ToolstackEnvironment, sources: Sources) {
    this.#environment = environment
    this.#sources = sources
  }

  async own(): Promise<Inventory> {
    const { storage } = this.#environment
    const [host, vms, srs, vdis, replications, operations] = await Promise.all([
      describeHost(this.#environment),
      this.#sources.vms(),
      storage.listSrs(),
      storage.listVdis(),
      storage.listReplications(),
      this.#sources.operations(),
    ])
    const ended = operations.filter(isEnded).slice(0, endedShown)
    const seen = { vms, vdis: [...vdis], replications: [...replications] }
    return {
      ...{
        ...seen,
        host,
        srs: [...srs],
        replicas: await describeReplicas(this.#environment, seen),
      },
      operations: operations.filter((one) => !isEnded(one) || ended.includes(one)),
    }
  }

  /** This host first. One that does not answer is there with what the problem is. */
  async all(): Promise<KnownInventory[]> {
    const { host: name, pool, url, peers } = this.#environment
    return await Promise.all([
      readInventory({ name, pool, url }, () => this.own()),
      ...(await this.#sources.otherHosts()).map((known) =>
        readInventory(known, () => peers.connect(known.url).inventory()),
      ),
    ])
  }

  /** Calls `listener` soon and at every change. Nothing is asked while nobody listens. */
  watch(listener: Listener): () => void {
    this.#listeners.add(listener)
    // Everybody hears of it again, whoever was there before.
    this.#watching.abort()
    this.#watching = new AbortController()
    void this.#look(this.#watching.signal)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#watching.abort()
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#environment
    let told = ''
    while (!signal.aborted) {
      try {
        const inventories = await this.all()
        if (signal.aborted) return
        const text = JSON.stringify(inventories, withoutClocks)
        if (text !== told) for (const listener of this.#listeners) listener(inventories)
        told = text
      } catch (error) {
        log.warn({ error }, 'the inventories could not be read')
      }
      await clock.sleep(intervalMs, signal).catch(() => {})
    }
  }
}

async function readInventory(
  { name, pool, url }: KnownHost,
  read: () => Promise<Inventory>,
): Promise<KnownInventory> {
  try {
    return { name, pool, url, inventory: await read(), problem: null }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { name, pool, url, inventory: null, problem }
  }
}

/** That time goes by is no change. */
function withoutClocks(key: string, value: unknown): unknown {
  return key === 'clockMs' ? undefined : value
}

import { MirrorPair } from '../../src/drivers/simulated/mirror-pair.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import { CrosspoolError, isCrosspoolError } from '../../src/model/errors.ts'
import type { ToolstackPeer, ToolstackPeers } from '../../src/ports/peers.ts'
import type { Json, RecordStore, Transaction } from '../../src/ports/record-store.ts'
import type { Mutation } from './whole-host.ts'

/** Wrong behaviours that the invariants must find; each stands between a daemon and its ports. */
export const mutations: readonly Mutation[] = [
  {
    name: 'promote before release',
    datapath: (datapath, host, disks) =>
      override(datapath, {
        async arm(handover) {
          await datapath.arm(handover)
          for (const { mirror } of handover) {
            const side = mirror && disks.pairs.get(mirror.id)?.at(host)
            if (side) side.role = 'primary'
          }
        },
      }),
  },
  {
    name: 'resume on a timeout',
    toolstack: ({ store, peers }) => ({
      store,
      peers: changeTake(peers, (take) => take().catch(readAsRefusal)),
    }),
  },
  {
    name: 'release recorded after the answer',
    toolstack: ({ store, peers }, host) => {
      if (host !== 'one') return { store, peers }
      const late = withhold(store, isRelease)
      return { store: late.store, peers: changeTake(peers, (take) => take().finally(late.write)) }
    },
  },
  {
    name: 'refusal not durable',
    toolstack: ({ store, peers }, host) =>
      host === 'two' ? { peers, store: withhold(store, isRefusal).store } : { store, peers },
  },
  {
    name: 'a released disk is found at boot',
    datapath: (datapath, host, disks) =>
      override(datapath, {
        async release(handover) {
          await datapath.release(handover)
          disks.array(`admin-${host}`).fenced.clear()
        },
      }),
  },
  {
    name: 'late writes are not held back',
    datapath: (datapath, host, disks) =>
      override(datapath, {
        async release(handover) {
          await datapath.release(handover)
          for (const { disk } of handover) {
            const device = disks.kernel(host).devices.get(disk.vdi)
            if (device) device.mode = 'fenced'
          }
        },
      }),
  },
]

/** Those that only a migration which goes on from a replica can come to grief by. */
export const journeyMutations: readonly Mutation[] = [
  {
    name: 'what differs from a replica is forgotten',
    datapath: (datapath, _host, disks) =>
      override(datapath, {
        async keep(mirror, mode) {
          await datapath.keep(mirror, mode)
          const pair = disks.pairs.get(mirror.id)
          if (!pair || mirror.side !== 'source' || mode !== 'difference') return
          pair.write = (host, block, value) => void pair.at(host)?.volume.blocks.set(block, value)
        },
        async prepare(mirror) {
          const pair = disks.pairs.get(mirror.id)
          if (pair) pair.write = MirrorPair.prototype.write
          return await datapath.prepare(mirror)
        },
      }),
  },
  {
    name: 'a replica ends although it has been handed over',
    storage: (store) => ({
      ...store,
      transact: ({ puts = [], ...transaction }) =>
        store.transact({ ...transaction, puts: puts.map(unarmed) }),
    }),
  },
]

/** A replica whose mirror went with a loss of power does not say any more that it had been handed over. */
function unarmed({ key, value }: NonNullable<Transaction['puts']>[number]) {
  const isRecordOfOne = key.startsWith('replication/') && isRecord(value) && isRecord(value.kept)
  const isForgotten = isRecordOfOne && value.phase === 'failed'
  return { key, value: isForgotten ? { ...value, isArmed: false } : value }
}

function isRecord(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The same port but for some of its methods. */
function override<Port extends object>(port: Port, changes: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(key in changes ? changes : target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function changeTake(
  peers: ToolstackPeers,
  change: (take: () => ReturnType<ToolstackPeer['take']>) => ReturnType<ToolstackPeer['take']>,
): ToolstackPeers {
  return {
    connect(url) {
      const peer = peers.connect(url)
      return { ...peer, take: (...request) => change(() => peer.take(...request)) }
    },
  }
}

function readAsRefusal(error: unknown): never {
  if (!isCrosspoolError(error, 'PEER_UNREACHABLE')) throw error
  throw new CrosspoolError('HANDOVER_REFUSED', { reason: 'it has not answered' }, error)
}

function isRelease({ puts = [] }: Transaction): boolean {
  return puts.some(
    ({ key, value }) => key.startsWith('ownership/') && says(value, 'state', 'released'),
  )
}

function isRefusal({ puts = [] }: Transaction): boolean {
  return puts.some(
    ({ key, value }) => key.startsWith('receivers/') && says(value, 'state', 'aborted'),
  )
}

function says(value: unknown, name: string, what: string): boolean {
  return typeof value === 'object' && value !== null && Reflect.get(value, name) === what
}

/** The store as its daemon sees it: from the first withheld transaction on nothing is durable until `write`. */
function withhold(durable: RecordStore, isWithheld: (transaction: Transaction) => boolean) {
  const seen = createMemoryRecordStore()
  const isReady = durable
    .list('')
    .then((records) => seen.transact({ puts: records.map(({ key, value }) => ({ key, value })) }))
  let withheld: Transaction[] = []

  const write = async () => {
    const late = withheld
    withheld = []
    for (const transaction of late) await durable.transact(transaction)
  }
  const store: RecordStore = {
    ...seen,
    async get(key) {
      await isReady
      return seen.get(key)
    },
    async list(prefix) {
      await isReady
      return seen.list(prefix)
    },
    async transact({ conditions = [], puts = [], deletes = [] }) {
      await isReady
      if (!(await seen.transact({ conditions, puts, deletes }))) return false
      const transaction = { puts, deletes }
      if (withheld.length || isWithheld(transaction)) withheld.push(transaction)
      else await durable.transact(transaction)
      return true
    },
  }
  return { store, write }
}

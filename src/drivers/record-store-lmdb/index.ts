import { mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import { createOrderedListeners } from '../../lib/ordered-listeners.ts'
import type { Clock } from '../../ports/clock.ts'
import type {
  Json,
  RecordChange,
  RecordStore,
  StoredRecord,
  Transaction,
} from '../../ports/record-store.ts'
import { encoding, type LmdbRecord, recordsName } from './layout.ts'

interface Lease {
  readonly owner: string
  readonly untilMs: number
}

export interface LmdbRecordStoreOptions {
  /** A folder of the store's own; it is made when it is not there. */
  readonly path: string
  /** Leases are measured by its `now`, since they are shared with other processes of this host. */
  readonly clock: Pick<Clock, 'now'>
}

/**
 * Records in an LMDB environment. Other processes may use the same folder: transactions and leases
 * hold among all of them, but `watch` tells only of the changes made through this object.
 */
export function createLmdbRecordStore(options: LmdbRecordStoreOptions): RecordStore {
  const root = openRoot(options.path)
  const records: Database<LmdbRecord, string> = root.openDB({ name: recordsName, ...encoding })
  const leases: Database<Lease, string> = root.openDB({ name: 'leases', ...encoding })
  const counters: Database<number, string> = root.openDB({ name: 'counters', ...encoding })
  const listeners = createOrderedListeners<RecordChange>()

  /** Runs inside a write transaction. Null: a condition does not hold. */
  function apply(transaction: Transaction): readonly RecordChange[] | null {
    const holds = (transaction.conditions ?? []).every(
      ({ key, revision }) => (records.get(key)?.revision ?? null) === revision,
    )
    if (!holds) return null
    const revision = (counters.get('revision') ?? 0) + 1
    counters.put('revision', revision)
    return [...remove(transaction, revision), ...put(transaction, revision)]
  }

  function remove(transaction: Transaction, revision: number): readonly RecordChange[] {
    const put = new Set((transaction.puts ?? []).map(({ key }) => key))
    const keys = new Set(transaction.deletes ?? [])
    const present = [...keys].filter((key) => !put.has(key) && records.doesExist(key))
    for (const key of present) records.remove(key)
    return present.map((key) => ({ key, value: null, revision }))
  }

  function put(transaction: Transaction, revision: number): readonly RecordChange[] {
    const values = new Map((transaction.puts ?? []).map(({ key, value }) => [key, value]))
    for (const [key, value] of values) records.put(key, { value, revision })
    return [...values.keys()].map((key) => {
      return { key, value: records.get(key)?.value ?? null, revision }
    })
  }

  return {
    async get<T extends Json>(key: string) {
      const record = records.get(key)
      return record === undefined ? null : stored<T>(key, record)
    },

    async list<T extends Json>(prefix: string) {
      const found: StoredRecord<T>[] = []
      for (const { key, value } of records.getRange(prefix === '' ? {} : { start: prefix })) {
        if (!key.startsWith(prefix)) break
        found.push(stored<T>(key, value))
      }
      return found
    },

    async transact(transaction) {
      const changes = await root.transaction(() => apply(transaction))
      for (const change of changes ?? []) listeners.emit(change)
      return changes !== null
    },

    watch(prefix, listener) {
      return listeners.add((change) => {
        if (change.key.startsWith(prefix)) listener(change)
      })
    },

    async lease(key, owner, ttlMs) {
      return root.transaction(() => {
        const nowMs = options.clock.now()
        const held = leases.get(key)
        if (held !== undefined && held.owner !== owner && held.untilMs > nowMs) return false
        leases.put(key, { owner, untilMs: nowMs + ttlMs })
        return true
      })
    },

    async release(key, owner) {
      await root.transaction(() => {
        if (leases.get(key)?.owner === owner) leases.remove(key)
      })
    },

    async close() {
      listeners.clear()
      await root.close()
    },
  }
}

function openRoot(path: string): RootDatabase<unknown, string> {
  // Secrets of mirrors are among the records.
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return open({
    path,
    noSubdir: false,
    // A commit is on disk before its promise resolves; by default it would only be visible.
    overlappingSync: false,
    ...encoding,
  })
}

function stored<T extends Json>(key: string, record: LmdbRecord): StoredRecord<T> {
  // The caller names the type of what it has written under this key.
  return { key, value: record.value as T, revision: record.revision }
}

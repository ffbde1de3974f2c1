import { createOrderedListeners } from '../../lib/ordered-listeners.ts'
import type {
  Json,
  RecordChange,
  RecordStore,
  StoredRecord,
  Transaction,
} from '../../ports/record-store.ts'

interface MemoryRecord {
  /** Kept as text, so that nobody shares an object with the store. */
  readonly text: string
  readonly revision: number
}

interface Lease {
  readonly owner: string
  readonly untilMs: number
}

export interface MemoryRecordStoreOptions {
  /** Milliseconds that leases are measured by. */
  readonly now?: () => number
}

/**
 * A record store in memory: whoever keeps the object has what survives a crash, also of its user
 * (`close` ends the watches and keeps the records). Transactions take effect before `transact`
 * returns its promise, so their order is the order of the calls.
 */
export function createMemoryRecordStore(options: MemoryRecordStoreOptions = {}): RecordStore {
  const now = options.now ?? Date.now
  const records = new Map<string, MemoryRecord>()
  const leases = new Map<string, Lease>()
  const listeners = createOrderedListeners<RecordChange>()
  let revision = 0

  function holds(transaction: Transaction): boolean {
    return (transaction.conditions ?? []).every(
      (condition) => (records.get(condition.key)?.revision ?? null) === condition.revision,
    )
  }

  function apply(transaction: Transaction): RecordChange[] {
    const puts = new Map(
      (transaction.puts ?? []).map((put) => [put.key, JSON.stringify(put.value)]),
    )
    const deletes = new Set((transaction.deletes ?? []).filter((key) => !puts.has(key)))
    const changes: RecordChange[] = []
    revision += 1
    for (const key of deletes) {
      if (records.delete(key)) changes.push({ key, value: null, revision })
    }
    for (const [key, text] of puts) {
      records.set(key, { text, revision })
      changes.push({ key, value: JSON.parse(text), revision })
    }
    return changes
  }

  return {
    async get(key) {
      const record = records.get(key)
      return record === undefined ? null : stored(key, record)
    },

    async list<T extends Json>(prefix: string) {
      return [...records]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .map(([key, record]) => stored<T>(key, record))
    },

    async transact(transaction) {
      if (!holds(transaction)) return false
      for (const change of apply(transaction)) listeners.emit(change)
      return true
    },

    watch(prefix, listener) {
      return listeners.add((change) => {
        if (change.key.startsWith(prefix)) listener(change)
      })
    },

    async lease(key, owner, ttlMs) {
      const held = leases.get(key)
      if (held !== undefined && held.owner !== owner && held.untilMs > now()) return false
      leases.set(key, { owner, untilMs: now() + ttlMs })
      return true
    },

    async release(key, owner) {
      if (leases.get(key)?.owner === owner) leases.delete(key)
    },

    async close() {
      listeners.clear()
    },
  }
}

function stored<T extends Json>(key: string, record: MemoryRecord): StoredRecord<T> {
  return { key, value: JSON.parse(record.text), revision: record.revision }
}

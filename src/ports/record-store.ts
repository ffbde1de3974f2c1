/**
 * Durable records under string keys, in order. Whoever implements it (an embedded store, etcd)
 * guarantees: a transaction happens whole or not at all, is on disk when it has resolved, and is
 * seen by everybody who reads afterwards. `revision` grows with every transaction.
 */
export interface RecordStore {
  get<T extends Json>(key: string): Promise<StoredRecord<T> | null>
  /** All records whose key starts with `prefix`, by key. */
  list<T extends Json>(prefix: string): Promise<readonly StoredRecord<T>[]>
  /** Answers false, and changes nothing, when one of the conditions does not hold. */
  transact(transaction: Transaction): Promise<boolean>
  /** Calls `listener` after every change below `prefix`, in order. Answers how to stop. */
  watch(prefix: string, listener: (change: RecordChange) => void): () => void
  /** Holds `key` for this owner until `ttlMs` after the last call. False while another one holds it. */
  lease(key: string, owner: string, ttlMs: number): Promise<boolean>
  release(key: string, owner: string): Promise<void>
  close(): Promise<void>
}

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }

export interface StoredRecord<T> {
  readonly key: string
  readonly value: T
  readonly revision: number
}

export interface Transaction {
  /** `revision` null: there must be no such record. */
  readonly conditions?: readonly { readonly key: string; readonly revision: number | null }[]
  readonly puts?: readonly { readonly key: string; readonly value: Json }[]
  readonly deletes?: readonly string[]
}

export interface RecordChange {
  readonly key: string
  /** Null: deleted. */
  readonly value: Json | null
  readonly revision: number
}

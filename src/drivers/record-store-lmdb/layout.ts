import type { Json } from '../../ports/record-store.ts'

export interface LmdbRecord {
  readonly value: Json
  readonly revision: number
}

export const recordsName = 'records'

/** Text, so that `mdb_dump` shows an administrator what is there. */
export const encoding = { encoding: 'json' } as const

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Json, StoredRecord } from '../../ports/record-store.ts'
import { encoding, type LmdbRecord, recordsName } from './layout.ts'

/** All records of a folder that a daemon may have open. Null: there is no store. */
export async function readLmdbRecords(path: string): Promise<readonly StoredRecord<Json>[] | null> {
  // LMDB would make one.
  if (!existsSync(join(path, 'data.mdb'))) return null
  // Loaded here, since its native part is not wanted by commands that read no records.
  const { open } = await import('lmdb')
  const root = open({ path, noSubdir: false, readOnly: true, ...encoding })
  try {
    const records = root.openDB<LmdbRecord, string>({ name: recordsName, ...encoding })
    return [...records.getRange().map(({ key, value }) => ({ key, ...value }))]
  } finally {
    await root.close()
  }
}

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLmdbRecordStore } from '../../src/drivers/record-store-lmdb/index.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import { describeRecordStoreContract } from './record-store.contract.ts'

describeRecordStoreContract('memory', () => {
  const clock = { now: () => 0 }
  const store = createMemoryRecordStore({ now: () => clock.now() })
  return {
    open(now) {
      clock.now = now
      return store
    },
    startWriter: null,
    remove: async () => {},
  }
})

describeRecordStoreContract('lmdb', () => {
  const path = mkdtempSync(join(tmpdir(), 'crosspool-records-'))
  const writer = fileURLToPath(new URL('./record-store-lmdb.writer.ts', import.meta.url))
  return {
    open: (now) => createLmdbRecordStore({ path, clock: { now } }),
    startWriter: () =>
      spawn(process.execPath, ['--import', 'tsx', writer, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    remove: async () => rmSync(path, { recursive: true }),
  }
})

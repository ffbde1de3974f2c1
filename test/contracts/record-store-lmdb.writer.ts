import { writeSync } from 'node:fs'
import { createLmdbRecordStore } from '../../src/drivers/record-store-lmdb/index.ts'
import { writeUntilKilled } from './record-store-writer.ts'

const path = process.argv[2]
if (path === undefined) throw new Error('usage: record-store-lmdb.writer.ts FOLDER')
const store = createLmdbRecordStore({ path, clock: { now: Date.now } })
// Synchronous, so that a line is out before the next transaction begins.
await writeUntilKilled(store, (line) => writeSync(1, `${line}\n`))

/**
 * Writes the pages of docs/reference that follow from the code, so that they cannot say anything
 * else than it does. A test fails while they are stale.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { referencePages } from './reference-pages.ts'

const folder = resolve(import.meta.dirname, '../docs/reference')
mkdirSync(folder, { recursive: true })
for (const [name, content] of await referencePages()) {
  writeFileSync(join(folder, name), content)
  console.log(`docs/reference/${name}`)
}

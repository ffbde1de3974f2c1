/**
 * Writes the pages of docs/reference and the packaged configuration files, which follow from the code, so that they cannot say anything
 * else than it does. A test fails while they are stale.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { exampleConfigurations } from './example-configurations.ts'
import { referencePages } from './reference-pages.ts'

const folder = resolve(import.meta.dirname, '../docs/reference')
mkdirSync(folder, { recursive: true })
for (const [name, content] of await referencePages()) {
  writeFileSync(join(folder, name), content)
  console.log(`docs/reference/${name}`)
}
const packaged = resolve(import.meta.dirname, '../packaging/configuration')
for (const [name, content] of exampleConfigurations()) {
  writeFileSync(join(packaged, name), content)
  console.log(`packaging/configuration/${name}`)
}

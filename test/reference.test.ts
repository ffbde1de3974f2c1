import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { exampleConfigurations } from '../scripts/example-configurations.ts'
import { referencePages } from '../scripts/reference-pages.ts'

const folder = resolve(import.meta.dirname, '../docs/reference')
const pages = await referencePages()

it.each([...pages.keys()])('docs/reference/%s says what the code says', (name) => {
  const written = readFileSync(join(folder, name), 'utf8')
  expect(written === pages.get(name), 'run: npx tsx scripts/generate-reference.ts').toBe(true)
})

it.each([...exampleConfigurations()])(
  'packaging/configuration/%s says what the code says',
  (name, text) => {
    const file = resolve(import.meta.dirname, '../packaging/configuration', name)
    expect(readFileSync(file, 'utf8') === text, 'run: npx tsx scripts/generate-reference.ts').toBe(
      true,
    )
  },
)

it('the descriptions have every route with its errors', () => {
  const text = pages.get('storage.openapi.json') ?? ''
  const { paths, components } = JSON.parse(text)
  expect(paths['/v1/vdis/{vdi}/replicate-to'].post).toMatchObject({
    operationId: 'replicateTo',
    responses: { 202: {}, 403: { description: 'URI_REFUSED, FORBIDDEN' } },
  })
  expect(Object.keys(components.schemas)).toEqual([
    ...['AuditEntry', 'Error', 'Leftover', 'Relocation', 'Replication', 'Session', 'Sr'],
    ...['Token', 'Vdi'],
  ])
})

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeDurably } from './write-durably.ts'

it('several writers of one file at once do not meet, and leave nothing beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-write-'))
  const path = join(folder, 'drbd.conf')
  await Promise.all(Array.from({ length: 20 }, () => writeDurably(path, 'include "x";\n')))
  expect(await readFile(path, 'utf8')).toBe('include "x";\n')
  expect(await readdir(folder)).toEqual(['drbd.conf'])
  await rm(folder, { recursive: true })
})

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { allowedPath, missingFiles } from './allowed-path.ts'

const folder = mkdtempSync(join(tmpdir(), 'allowed-'))
const kernels = join(folder, 'kernels')
mkdirSync(kernels)
mkdirSync(join(folder, 'kernels-not'))
for (const file of ['kernels/vmlinux', 'kernels-not/x', 'secret'])
  writeFileSync(join(folder, file), '')
symlinkSync(join(folder, 'secret'), join(kernels, 'link'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a file of the directory, whether it is there or not', async () => {
  expect(await allowedPath(join(kernels, 'vmlinux'), ['/nowhere', kernels])).toMatch(/vmlinux$/)
  expect(await allowedPath(join(kernels, 'later'), [kernels])).toMatch(/later$/)
})

test.each(['kernels', 'kernels/link', 'kernels/../secret', 'kernels/../gone', 'kernels-not/x'])(
  '%s leads elsewhere',
  async (path) => {
    expect(await allowedPath(`${folder}/${path}`, [kernels])).toBeNull()
  },
)

test('without directories nothing is allowed', async () => {
  expect(await allowedPath(join(kernels, 'vmlinux'), [])).toBeNull()
})

test('files that are not there, or not in the directories, are missing', async () => {
  const there = join(kernels, 'vmlinux')
  const missing = [join(kernels, 'later'), join(folder, 'secret'), kernels]
  expect(await missingFiles([there, ...missing], [kernels])).toEqual(missing)
})

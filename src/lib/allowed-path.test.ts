import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { allowedPath, unusableFiles } from './allowed-path.ts'

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

test('says why a file cannot be used', async () => {
  const paths = ['kernels/vmlinux', 'kernels/later', 'secret', 'kernels/folder']
  mkdirSync(join(kernels, 'folder'))
  const files = await unusableFiles(
    paths.map((path) => join(folder, path)),
    [kernels],
  )
  expect(files.map(({ reason, isAllowed }) => [reason, isAllowed])).toEqual([
    ['there is no such file on this host', true],
    [`it is not in a directory for kernels (${kernels})`, false],
    ['it is no file', true],
  ])
  expect(files[1]?.path).toBe(join(folder, 'secret'))
})

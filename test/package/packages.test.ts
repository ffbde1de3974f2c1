import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeCrosspoolPackage, makeNodePackage } from '../../scripts/package/make-packages.ts'
import { version } from '../../src/lib/version.ts'
import { ensurePackages } from '../lab/support/packages.ts'

let folder: string
let crosspool: string
let node: string

beforeAll(async () => {
  await ensurePackages(() => {}, ['lintian'])
  folder = await mkdtemp(join(tmpdir(), 'crosspool-packages-'))
  crosspool = await makeCrosspoolPackage({ version, folder })
  node = await makeNodePackage(folder)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

it('two builds of the same source are equal to the byte', async () => {
  const first = readFileSync(crosspool)
  await rm(crosspool)
  const second = readFileSync(await makeCrosspoolPackage({ version, folder }))
  expect(second.equals(first)).toBe(true)
})

it('lintian finds no error', async () => {
  const { stdout, exitCode } = await execa(
    'lintian',
    ['--fail-on', 'error', '--tag-display-limit', '0', crosspool, node],
    { reject: false },
  )
  expect(stdout).not.toMatch(/^E:/m)
  expect(exitCode, stdout).toBe(0)
})

it('each program has a manual page', async () => {
  const { stdout } = await execa('dpkg-deb', ['--contents', crosspool])
  const programs = [...stdout.matchAll(/\.\/usr\/s?bin\/(\S+)/g)].map(([, name]) => name)
  expect(programs).toEqual(['crosspool', 'crosspool-sm', 'crosspool-xapi'])
  for (const name of [...programs, 'crosspool-migrate', 'crosspool-doctor'])
    expect(stdout).toMatch(new RegExp(`/usr/share/man/man[18]/${name}\\.[18]\\.gz`))
})

it('what an administrator may change is kept at an upgrade', async () => {
  const { stdout } = await execa('dpkg-deb', ['--info', crosspool, 'conffiles'])
  const files = ['/etc/modprobe.d/crosspool.conf', '/etc/modules-load.d/crosspool.conf']
  expect(stdout.split('\n')).toEqual(expect.arrayContaining(files))
})

it('nothing of it can be written by others, and all belongs to root', async () => {
  const listings = await Promise.all(
    [crosspool, node].map((file) => execa('dpkg-deb', ['--contents', file])),
  )
  const lines = listings.flatMap(({ stdout }) => stdout.split('\n'))
  expect(lines.length).toBeGreaterThan(40)
  const modes = new Set(lines.map((line) => line.split(/\s+/).slice(0, 2).join(' ')))
  expect([...modes].sort()).toEqual([
    '-rw-r--r-- root/root',
    '-rwxr-xr-x root/root',
    'drwxr-xr-x root/root',
    'lrwxrwxrwx root/root',
  ])
})

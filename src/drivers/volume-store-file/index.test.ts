import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { captured, scriptedCommands } from '../../../test/support/scripted-commands.ts'
import { createFileVolumeStores } from './index.ts'

const id = '3d9c4f6e-58b1-4c6a-9df0-1b1f3a9c2e77'
let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'volume-store-file-'))
})
afterEach(() => rm(directory, { recursive: true }))

function open(sr = 'sr1') {
  const noLoops = {
    call: 'losetup --json --list',
    stdout: captured('losetup-2.38.1', 'losetup-none.json'),
  }
  const commands = scriptedCommands([noLoops, noLoops, noLoops])
  return createFileVolumeStores(commands, { shared: false })({
    id: sr,
    configuration: { directory },
  })
}

it('makes sparse files of the exact size', async () => {
  const volume = await open().create(id, 'Größe', 1024 * 1024 * 1024 + 512)
  expect(volume).toEqual({
    ...{ id, name: 'Größe', sizeBytes: 1024 * 1024 * 1024 + 512, allocatedBytes: 0 },
    ...{ format: 'raw', managed: true, paths: [join(directory, `crosspool-${id}.raw`)] },
  })
  expect(await open().list()).toEqual([volume])
})

it("lists the administrator's images, under ids that depend on SR and file name alone", async () => {
  await writeFile(join(directory, 'debian.img'), Buffer.alloc(5000))
  await truncate(join(directory, 'debian.img'), 1_000_000)
  await writeFile(join(directory, 'notes.txt'), 'no image')
  await writeFile(join(directory, 'tiny.raw'), 'not one sector')
  const [volume, ...others] = await open().list()
  expect(others).toEqual([])
  expect(volume).toMatchObject({ name: 'debian.img', managed: false, sizeBytes: 1953 * 512 })
  expect((await open().list())[0]?.id).toBe(volume?.id)
  expect((await open('sr2').list())[0]?.id).not.toBe(volume?.id)
})

it('names an image that is a symbolic link by both paths, and ignores a link to nowhere', async () => {
  await writeFile(join(directory, 'real'), Buffer.alloc(4096))
  await symlink(join(directory, 'real'), join(directory, 'link.img'))
  await symlink(join(directory, 'gone'), join(directory, 'dangling.img'))
  const [volume, ...others] = await open().list()
  expect(others).toEqual([])
  expect(volume?.paths).toEqual([join(directory, 'link.img'), join(directory, 'real')])
})

it('never shows a file that a crash left half made', async () => {
  await writeFile(join(directory, `crosspool-${id}.raw.unfinished`), Buffer.alloc(512))
  expect(await open().list()).toEqual([])
  await open().create(id, 'disk', 4096)
  expect(await open().list()).toHaveLength(1)
})

it('says why a folder cannot be used', async () => {
  const factory = createFileVolumeStores(scriptedCommands([]), { shared: false })
  const sr = (folder: string) => factory({ id: 'sr1', configuration: { directory: folder } })
  expect(() => sr('relative')).toThrow('must be an absolute path')
  await expect(sr(join(directory, 'missing')).open()).rejects.toMatchObject({
    code: 'SR_UNUSABLE',
  })
})

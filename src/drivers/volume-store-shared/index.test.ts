import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { scriptedCommands } from '../../../test/support/scripted-commands.ts'
import { createSharedVolumeStores } from './index.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'volume-store-shared-'))
})
afterEach(() => rm(directory, { recursive: true }))

const size = { call: 'blockdev --getsize64', stdout: '8589934592\n' }

it('gives a device the same id on every host, wherever it leads there', async () => {
  const device = join(directory, 'virtio-shared0')
  const open = (script: readonly (typeof size)[]) =>
    createSharedVolumeStores(scriptedCommands(script))({
      id: 'sr1',
      configuration: { devices: [device] },
    })
  await symlink('/dev/null', device)
  const [here] = await open([size]).list()
  await rm(device)
  await symlink('/dev/zero', device)
  const [there] = await open([size]).list()
  expect(here).toMatchObject({ name: 'virtio-shared0', sizeBytes: 8_589_934_592, managed: false })
  expect(there?.id).toBe(here?.id)
  expect(here?.paths).toEqual([device, '/dev/null'])
  expect(await open([]).attach(here?.id ?? '', 'device')).toEqual({
    path: device,
    format: 'raw',
  })
  await expect(open([]).destroy(here?.id ?? '')).rejects.toMatchObject({ code: 'WRONG_STATE' })
  await expect(open([]).attach('other', 'device')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('lists the other devices while one is missing, but is not opened without it', async () => {
  const commands = scriptedCommands([size])
  const configuration = { devices: ['/dev/null', join(directory, 'missing')] }
  const store = createSharedVolumeStores(commands)({ id: 'sr1', configuration })
  expect((await store.list()).map(({ name }) => name)).toEqual(['null'])
  await expect(store.open()).rejects.toThrow('/dev/null is not a block device of this host')
})

it('refuses to make volumes and two devices of one name', async () => {
  const factory = createSharedVolumeStores(scriptedCommands([]))
  const store = factory({ id: 'sr1', configuration: { devices: ['/dev/a/disk', '/dev/b/disk'] } })
  await expect(store.create('id', 'name', 512)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  await expect(store.open()).rejects.toThrow('the same name')
  expect(() => factory({ id: 'sr1', configuration: { devices: [] } })).toThrow('cannot be used')
})

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type FolderPlugin, installFolderPlugin } from '../../../test/support/folder-plugin.ts'
import { MiB } from '../../lib/units.ts'
import { systemCommandRunner } from '../system/command-runner.ts'
import { createPluginVolumeStores } from './index.ts'

const makeStore = createPluginVolumeStores(systemCommandRunner)
const sr = '11111111-1111-4111-8111-111111111111'
const id = '22222222-2222-4222-8222-222222222222'
let folder: FolderPlugin

beforeEach(async () => {
  folder = await installFolderPlugin()
})
afterEach(() => folder.remove())

function storeOf(change: Readonly<Record<string, unknown>> = {}) {
  const { root, plugin, sr: path } = folder
  const configuration = { root, plugin, configuration: { path }, create: true, zeroes: true }
  return makeStore({ id: sr, configuration: { ...configuration, ...change } })
}

async function openStore() {
  const store = storeOf()
  await store.open()
  return store
}

/** Puts another program in the place of one method. */
async function answerInstead(method: string, answer: unknown, exitCode = 0): Promise<void> {
  const file = join(folder.root, method)
  const script = `#!/bin/sh\ncat > /dev/null\nprintf '%s' '${JSON.stringify(answer)}'\nexit ${exitCode}\n`
  await rm(file, { force: true })
  await writeFile(file, script, { mode: 0o755 })
}

const inVolume = (method: string) => `volume/org.crosspool.folder/${method}`
const inDatapath = (method: string) => `datapath/folder+file/${method}`

it('tells its volumes from those of the administrator, which it never removes', async () => {
  const store = await openStore()
  await store.create(id, 'ours', 5 * MiB)
  const [ours] = await store.list()
  expect(ours).toMatchObject({ id, managed: true, sizeBytes: 5 * MiB })
  const foreign = { key: 'k', name: 'theirs', description: 'crosspool', virtual_size: MiB }
  const more = { physical_utilisation: 0, uri: ['folder+file:///x'] }
  await writeFile(join(folder.sr, 'k.json'), JSON.stringify({ ...foreign, ...more }))
  const theirs = (await store.list()).find(({ name }) => name === 'theirs')
  expect(theirs).toMatchObject({ managed: false, sizeBytes: MiB })
  await expect(store.destroy(theirs?.id ?? '')).rejects.toMatchObject({ code: 'WRONG_STATE' })
})

it('never makes an SR that may be there', async () => {
  await expect(storeOf({ create: false }).open()).rejects.toMatchObject({ code: 'SR_UNUSABLE' })
  await rm(join(folder.root, inVolume('SR.probe')))
  await expect(storeOf().open()).rejects.toThrow('cannot tell whether there is an SR')
  await expect(storeOf({ create: false }).open()).rejects.toThrow('SR_does_not_exist')
})

it('asks which of several SRs is meant', async () => {
  await openStore()
  const configuration = { path: folder.sr }
  const probed = (...uuids: string[]) =>
    uuids.map((uuid) => ({ configuration, complete: true, sr: { sr: 'x', uuid } }))
  await answerInstead(inVolume('SR.probe'), probed('a', 'b'))
  await expect(storeOf().open()).rejects.toThrow('several SRs')
  await answerInstead(inVolume('SR.probe'), probed('a', sr))
  await storeOf().open()
})

it('takes its configuration as the command line gives it too', async () => {
  const store = storeOf({ configuration: JSON.stringify({ path: folder.sr }) })
  await store.open()
  expect(await store.list()).toEqual([])
  expect(() => storeOf({ configuration: '{' })).toThrow('configuration')
})

it('refuses what it cannot work with, in words', async () => {
  await expect(storeOf({ plugin: 'missing' }).open()).rejects.toThrow('Plugin.query')
  expect(() => storeOf({ plugin: '../sh' })).toThrow('plugin')
  expect(() => storeOf({ zeroes: false })).toThrow('read as zeroes')
  await answerInstead(inVolume('plugin.query'), {
    plugin: 'x',
    version: '1',
    required_api_version: '6.0',
  })
  await expect(storeOf().open()).rejects.toThrow('speaks version 6.0')
})

it('passes on what the plug-in says of a failure', async () => {
  const store = await openStore()
  const failure = { code: 'SR_BACKEND_FAILURE_46', params: ['no such disk', 7] }
  await answerInstead(inVolume('Volume.create'), failure, 1)
  await expect(store.create(id, 'ours', MiB)).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
    details: { output: 'SR_BACKEND_FAILURE_46 no such disk 7' },
  })
  await answerInstead(inVolume('Volume.create'), { key: 'k' })
  await expect(store.create(id, 'ours', MiB)).rejects.toThrow('it answered')
})

it('gives a file as an image, but not as a device, and leaves nothing attached', async () => {
  const store = await openStore()
  await store.create(id, 'ours', MiB)
  await answerInstead(inDatapath('Datapath.attach'), {
    implementations: [['File', { path: '/x' }]],
  })
  await expect(store.attach(id, 'device')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  await answerInstead(inDatapath('Datapath.activate'), null)
  expect(await store.attach(id, 'image')).toEqual({ path: '/x', format: 'raw' })
  await rm(join(folder.root, 'datapath'), { recursive: true })
  await expect(store.attach(id, 'image')).rejects.toThrow('no plug-in for it')
})

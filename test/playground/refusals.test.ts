import { truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { GiB, MiB } from '../../src/lib/units.ts'
import { migrate } from '../support/measured-migration.ts'
import { Scene } from './scene.ts'

/** What cannot be done is refused with its code, and changes nothing. */
let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

it('an unknown VM', async () => {
  await expect(migrate('nobody', scene.source, scene.destination)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
})

it('a destination that is not known, and one that is down', async () => {
  const params = { vm: scene.guest.name }
  const { toolstack } = scene.source
  await expect(
    toolstack.migrate({ params, body: { destination: 'nowhere' } }),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await scene.destination.xapi.stop()
  await expect(
    toolstack.preflight({ params, body: { destination: scene.destination.url } }),
  ).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  scene.destination.xapi.start()
  await scene.destination.waitUntilAnswering()
  await scene.expectUnharmed()
})

it('a full SR', async () => {
  const { source, destination, playground } = scene
  const { freeBytes = 0 } = (await source.storage.listSrs())[0] ?? {}
  // Only an image of somebody else's may promise more than there is.
  const image = join(source.srDirectory('raw'), 'huge.img')
  await writeFile(image, '')
  await truncate(image, Math.ceil(freeBytes / GiB + 1) * GiB)
  const huge = (await source.storage.listVdis()).find(({ name }) => name === 'huge.img')
  const guest = playground.guest({ name: 'huge', number: 111 })
  await guest.startOn(source, [huge?.id ?? ''])
  const operation = await migrate(guest.name, source, destination, { srMap: { '*': 'qcow2' } })
  expect(operation).toMatchObject({
    state: 'failed',
    error: { code: 'PREFLIGHT_FAILED', details: { codes: 'SR_FULL' } },
  })
  await source.toolstack.destroyVm({ params: { vm: guest.name } })
  await source.toolstack.forgetVm({ params: { vm: guest.name } })
  await unlink(image)
  await scene.expectUnharmed()
})

it('too little memory', async () => {
  const { source, destination, guest } = scene
  const body = { destination: destination.url }
  const request = await source.toolstack.receiveRequest({ params: { vm: guest.name }, body })
  const { memoryBytes } = await destination.toolstack.getHost()
  const greedy = { ...request, vm: { ...request.vm, memoryBytes: 2 * memoryBytes } }
  await expect(destination.toolstack.receive({ body: greedy })).rejects.toMatchObject({
    code: 'PREFLIGHT_FAILED',
    details: { codes: 'MEMORY_SHORT' },
  })
  await scene.expectUnharmed()
})

it('a network that is not there', async () => {
  const operation = await scene.migrate({ networkMap: { '*': 'nowhere' } })
  expect(operation.error).toMatchObject({
    code: 'PREFLIGHT_FAILED',
    details: { codes: 'NOT_FOUND' },
  })
  await scene.expectUnharmed()
})

it('a wrong URI, a used one, and one for a disk of another size', async () => {
  const { source, destination } = scene
  const vdi = await source.newDisk('raw', 'small', 8 * MiB)
  await source.storage.attach(vdi)
  await source.storage.activate(vdi)
  const target = await destination.newDisk('qcow2', 'large', 16 * MiB)
  const { uri, replication } = await destination.storage.getReplicationTarget(target)
  const replicate = (text: string) => source.storage.replicateTo(vdi, text)
  await expect(replicate('nbd://nonsense')).rejects.toMatchObject({ code: 'URI_INVALID' })
  await expect(replicate(uri)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
  const forged = uri.replace(/size=\d+/, `size=${8 * MiB}`)
  await expect(replicate(forged)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
  const altered = forged.replace(/secret=..../, 'secret=0000')
  await expect(replicate(altered)).rejects.toMatchObject({ code: 'URI_REFUSED' })
  await destination.storage.stopReplication(replication, 'nothing')
  await expect(replicate(forged)).rejects.toMatchObject({ code: 'URI_REFUSED' })
  await destination.storage.detach(target)
  await destination.storage.destroyVdi(target)
  await source.storage.deactivate(vdi)
  await source.storage.detach(vdi)
  await source.storage.destroyVdi(vdi)
  await scene.expectUnharmed()
})

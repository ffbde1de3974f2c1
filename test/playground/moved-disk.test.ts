import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { Operation } from '../../src/model/operation.ts'
import { fillDisk } from './fill-disk.ts'
import { killProcesses } from './kill-processes.ts'
import { Playground } from './playground.ts'
import type { PlaygroundGuest } from './playground-guest.ts'
import type { PlaygroundHost } from './playground-host.ts'
import { type Traces, tracesOf } from './traces.ts'

/** A disk moves from SR to SR while its guest writes to it. */
let playground: Playground
let host: PlaygroundHost
let guest: PlaygroundGuest
let vdi: string
let before: readonly Traces[]

const sizeBytes = 256 * MiB

beforeAll(async () => {
  playground = await Playground.open()
  host = playground.host('alpha1')
  vdi = await host.newDisk('raw', 'moving', sizeBytes)
  await fillDisk(host, vdi, sizeBytes)
  guest = playground.guest({ name: 'moving', number: 140 })
  await guest.startOn(host, [vdi])
  before = await tracesOf(playground)
})

afterAll(() => playground?.close())

async function moveTo(
  srName: string,
  onBegin: (operation: Operation) => Promise<unknown> = async () => {},
): Promise<Operation> {
  let last = await host.toolstack.moveDisk({ params: { vdi }, body: { sr: srName } })
  await onBegin(last)
  const call = { params: { operation: last.id } }
  for await (const operation of host.toolstack.watchOperation(call)) last = operation
  return last
}

/** The guest writes on and has lost nothing, and there is one image of its disk. */
async function expectUnharmed(): Promise<void> {
  await guest.waitUntilOn(host)
  const { problems, ioErrors } = await guest.checkWrites(host)
  expect({ problems, ioErrors }).toEqual({ problems: [], ioErrors: 0 })
  const imagesAside = (traces: readonly Traces[]) =>
    traces.map(({ images, ...others }) => ({ images: images.length, ...others }))
  await expect
    .poll(async () => imagesAside(await tracesOf(playground)), { timeout: 30_000, interval: 250 })
    .toEqual(imagesAside(before))
}

it.each(['qcow2', 'vhd', 'raw'])('to an SR of %s', async (srName) => {
  const operation = await moveTo(srName)
  expect(operation).toMatchObject({ kind: 'move-disk', state: 'succeeded' })
  expect(await host.storage.getVdi(vdi)).toMatchObject({
    ...{ sr: await host.sr(srName), format: srName, sizeBytes },
  })
  await expectUnharmed()
})

it('not when that is cancelled', async () => {
  const operation = await moveTo('qcow2', ({ id }) =>
    host.toolstack.cancelOperation({ params: { operation: id } }),
  )
  expect(operation.state).toBe('cancelled')
  expect((await host.storage.getVdi(vdi)).sr).toBe(await host.sr('raw'))
  await expectUnharmed()
})

it('while nothing else is done to its VM', async () => {
  const operation = await moveTo('qcow2', async () => {
    const body = { destination: 'beta/beta1' }
    await expect(
      host.toolstack.migrate({ params: { vm: guest.name }, body }),
    ).rejects.toMatchObject({ code: 'BUSY' })
    await expect(
      host.toolstack.moveDisk({ params: { vdi }, body: { sr: 'vhd' } }),
    ).rejects.toMatchObject({ code: 'BUSY' })
  })
  expect(operation.state).toBe('succeeded')
  expect((await moveTo('raw')).state).toBe('succeeded')
})

it.each([
  ['sm', () => host.sm.kill().then(() => host.sm.start())],
  ['xapi', () => host.xapi.kill().then(() => host.xapi.start())],
  ['the storage process of the disk', () => killProcesses(host, /^\S*qemu-storage-daemon/)],
])('wholly or not at all when %s is killed in the middle', async (_name, kill) => {
  const operation = await moveTo('qcow2', async () => {
    await kill()
    await host.waitUntilAnswering()
  })
  expect(['succeeded', 'failed']).toContain(operation.state)
  const { sr } = await host.storage.getVdi(vdi)
  expect(sr).toBe(await host.sr(operation.state === 'succeeded' ? 'qcow2' : 'raw'))
  await expectUnharmed()
  expect((await moveTo('raw')).state).toBe('succeeded')
  await expectUnharmed()
})

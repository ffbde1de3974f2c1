import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Operation } from '../../src/model/operation.ts'
import { HostLinks } from '../faults/host-links.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { measureMigration } from '../support/measured-migration.ts'
import { killProcesses as kill } from './kill-processes.ts'
import { Scene } from './scene.ts'

/** What breaks on the way is taken back: the guest writes on at the source as if nothing had been. */
let scene: Scene

beforeAll(async () => {
  scene = await Scene.open(new HostLinks())
})

beforeEach(() => scene.begin())

afterAll(() => scene?.close())

const cancel = ({ id }: Operation) =>
  scene.source.toolstack.cancelOperation({ params: { operation: id } })

const hypervisor = /^\S*qemu-system/
const storage = /^\S*qemu-storage-daemon/
const gateways = /^\S*qemu-storage-daemon.*\/mirrors\//

it.each(['synchronise', 'memory'])('a cancel in step %s', async (step) => {
  expect((await scene.disturb(step, cancel)).state).toBe('cancelled')
  await scene.expectUnharmed()
})

it('a QEMU that dies at the destination', async () => {
  const operation = await scene.disturb('memory', () => kill(scene.destination, hypervisor))
  expect(operation.state).toBe('failed')
  await scene.expectUnharmed()
})

it.each([
  ['source', 'synchronise', 'gateways', gateways],
  ['destination', 'synchronise', 'gateways', gateways],
  ['source', 'memory', 'gateways', gateways],
  ['destination', 'memory', 'gateways', gateways],
  ['source', 'synchronise', 'storage processes', storage],
  ['destination', 'synchronise', 'storage processes', storage],
  ['source', 'memory', 'storage processes', storage],
  ['destination', 'memory', 'storage processes', storage],
] as const)('at the %s in step %s all %s die', async (side, step, _what, pattern) => {
  await scene.expectSafe(await scene.disturb(step, () => kill(scene[side], pattern)))
})

it('storage processes that die while nothing moves', async () => {
  await kill(scene.source, storage)
  await scene.expectUnharmed()
})

it('a destination whose daemons are killed', async () => {
  const operation = await scene.disturb('memory', () => scene.destination.killDaemons())
  expect(operation.state).toBe('failed')
  scene.destination.startDaemons()
  await scene.destination.waitUntilAnswering()
  await scene.expectUnharmed()
})

it('a source whose daemons are killed', async () => {
  const { source, destination, guest } = scene
  const { id } = await source.toolstack.migrate({
    params: { vm: guest.name },
    body: { destination: destination.url },
  })
  const operation = () => source.toolstack.getOperation({ params: { operation: id } })
  const isSending = async () => {
    const seen = await operation()
    scene.prolongMemory(seen)
    return seen.steps.some(({ name, state }) => name === 'memory' && state === 'running')
  }
  await waitUntil(isSending, { description: 'memory', timeoutMs: 30_000, intervalMs: 10 })
  await source.killDaemons()
  scene.hurry()
  source.startDaemons()
  await source.waitUntilAnswering()
  // It knows of nobody who wanted it, so it takes it back.
  await expect.poll(async () => (await operation()).state, { timeout: 30_000 }).toBe('cancelled')
  await scene.expectUnharmed()
})

it('and it can still move, without having lost anything', async () => {
  const { guest, source, destination } = scene
  const { verdict } = await measureMigration(guest, source, destination)
  expect(verdict.problems).toEqual([])
  await scene.bringBack()
})

it('a guest that ends while it moves', async () => {
  const { guest, source, destination } = scene
  const vdis = await guest.vdis(source)
  const { id: vm } = await source.toolstack.getVm({ params: { vm: guest.name } })
  // Its memory may be across in the time that it takes to find its process.
  const operation = await scene.disturb('arm', () => kill(source, hypervisor))
  expect(operation.state).toBe('failed')
  await expect.poll(() => destination.storage.listVdis(), { timeout: 30_000 }).toEqual([])
  expect(await destination.toolstack.listVms()).toEqual([])
  await source.toolstack.forgetVm({ params: { vm } })
  for (const vdi of vdis) {
    await source.storage.deactivate(vdi)
    await source.storage.detach(vdi)
  }
  // Its disks hold all that it had been told.
  await guest.restartOn(source, vdis)
  expect((await guest.end(source)).problems).toEqual([])
})

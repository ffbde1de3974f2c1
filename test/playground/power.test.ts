import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrate } from '../support/measured-migration.ts'
import { Playground } from './playground.ts'
import type { PlaygroundGuest } from './playground-guest.ts'

/** The buttons of a real guest, on both sides of a migration. */
let playground: Playground
let guest: PlaygroundGuest
const params = { vm: 'switched' }

beforeAll(async () => {
  playground = await Playground.open()
  const source = playground.host('alpha1')
  const disk = await source.newDisk('qcow2', 'switched', 64 * MiB)
  guest = playground.guest({ name: params.vm, number: 160 })
  await guest.startOn(source, [disk])
})

afterAll(() => playground?.close())

it('a paused guest is silent, and goes on where it was', async () => {
  const { toolstack } = playground.host('alpha1')
  expect((await toolstack.pauseVm({ params })).state).toBe('paused')
  const pausedAtMs = Date.now()
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  // What it had sent before may have been on its way.
  expect(guest.observations(pausedAtMs + 300)).toEqual([])
  expect((await toolstack.unpauseVm({ params })).state).toBe('running')
  await guest.waitUntilOn(playground.host('alpha1'))
})

it('it starts again where it has come to, on the disks that it has there', async () => {
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const operation = await migrate(params.vm, source, destination)
  expect(operation.state).toBe('succeeded')
  expect(await source.toolstack.listVms()).toEqual([])
  const [vdi = ''] = await guest.vdis(destination)
  await destination.toolstack.destroyVm({ params })
  expect(await destination.toolstack.getVm({ params })).toMatchObject({
    ...{ state: 'halted', disks: [{ slot: 'vda', vdi }] },
  })
  expect((await destination.storage.getVdi(vdi)).state).toBe('detached')
  expect((await destination.toolstack.startHaltedVm({ params })).state).toBe('running')
  await guest.waitUntilOn(destination)
  await destination.toolstack.rebootVm({ params, body: { how: 'hard' } })
  await guest.waitUntilOn(destination)
  expect((await guest.end(destination)).problems).toEqual([])
  expect(await destination.toolstack.listVms()).toEqual([])
})

import { afterEach, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { Cluster, type ClusterHost } from './cluster.ts'
import { endGuest } from './end-guest.ts'
import { checkWrites } from './measured-migration.ts'
import { type Traces, tracesOf } from './traces.ts'

/** The same operation goes on where it was: DRBD remembers what is still to be sent. */
let cluster: Cluster
let source: ClusterHost
let destination: ClusterHost
const size = 256 * MiB
const slowBytesPerSecond = 6 * MiB

beforeAll(async () => {
  cluster = await Cluster.open()
  source = cluster.host('alpha1')
  destination = cluster.host('beta1')
})

afterEach(() => cluster.lab.between(source.name, destination.name).heal())

async function get(id: string): Promise<Operation> {
  return source.toolstack.getOperation({ params: { operation: id } })
}

async function outOfSync(id: string): Promise<{ state: string; bytes: number }> {
  const [disk] = migrationDetailsSchema.parse((await get(id)).details).disks
  return { state: disk?.state ?? '', bytes: disk?.outOfSyncBytes ?? 0 }
}

async function until(description: string, isSo: () => Promise<boolean>): Promise<void> {
  await waitUntil(isSo, { description, timeoutMs: 400_000, intervalMs: 500 })
}

it('a copy goes on after the link was cut and after the destination lost its power', async () => {
  const link = cluster.lab.between(source.name, destination.name)
  const before: readonly Traces[] = await Promise.all([source, destination].map(tracesOf))
  const { device } = await source.newDisk('local', 'patient', size)
  const guest = await cluster.startGuest(source, {
    ...{ name: 'patient', number: 140, disks: [`phy:${device}`] },
  })
  await link.bandwidth(slowBytesPerSecond)
  const { id } = await source.toolstack.migrate({
    params: { vm: guest.name },
    body: { destination: 'beta/beta1', srMap: { '*': 'local' }, patienceMs: 900_000 },
  })

  await until('a fifth to be copied', async () => {
    const { state, bytes } = await outOfSync(id)
    return state === 'syncing' && bytes > 0 && bytes < size * 0.8
  })
  await link.cut()
  await until('the cut to be noticed', async () => (await outOfSync(id)).state === 'interrupted')
  const atTheCut = (await outOfSync(id)).bytes
  await link.heal()
  await link.bandwidth(slowBytesPerSecond)
  await until('the copy to go on', async () => (await outOfSync(id)).state === 'syncing')
  expect((await outOfSync(id)).bytes).toBeLessThan(atTheCut + size * 0.1)

  await until('half to be copied', async () => (await outOfSync(id)).bytes < size * 0.5)
  await destination.lab.powerCut()
  await until('it to be missed', async () => (await outOfSync(id)).state === 'interrupted')
  const atThePowerCut = (await outOfSync(id)).bytes
  await destination.lab.start()
  await destination.lab.waitUntilUp()
  await until('the copy to go on', async () => (await outOfSync(id)).state === 'syncing')
  expect((await outOfSync(id)).bytes).toBeLessThan(atThePowerCut + size * 0.1)
  await link.heal()
  await destination.waitUntilAnswering()

  await until('the migration to end', async () => (await get(id)).endedAtMs !== null)
  const log = async () => `${await source.log()}\n---\n${await destination.log()}`
  expect((await get(id)).state, await log()).toBe('succeeded')
  await guest.waitUntilOn(destination.lab)
  expect((await checkWrites(guest, destination)).problems).toEqual([])
  await endGuest(guest, destination)
  expect(await Promise.all([source, destination].map(tracesOf))).toEqual(before)
})

import { expect, it } from 'vitest'
import {
  createSimulatedStorage,
  type SimulatedStorageHost,
} from '../../drivers/simulated/storage-manager.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import { CrosspoolError } from '../../model/errors.ts'

const ids = {
  from: '11111111-1111-4111-8111-111111111111',
  to: '22222222-2222-4222-8222-222222222222',
}

async function makeWorld() {
  const storage = createSimulatedStorage({ clock: systemClock, random: systemRandom })
  const source = await storage.addHost('alpha1')
  const target = await storage.addHost('beta1')
  return { storage, source, target }
}
type World = Awaited<ReturnType<typeof makeWorld>>

/** A disk moves from the source to the target, as a toolstack would ask for it. */
async function move({ source, target }: World): Promise<void> {
  const sizeBytes = 64 * 1024
  for (const [host, id] of [
    [source, ids.from],
    [target, ids.to],
  ] as const) {
    const sr = (await host.manager.listSrs())[0]?.id ?? ''
    await host.manager.createVdi({ id, sr, name: 'disk', sizeBytes })
    await host.manager.attach(id)
    await host.manager.activate(id)
  }
  const { uri, replication } = await target.manager.getReplicationTarget(ids.to)
  await source.manager.replicateTo(ids.from, uri)
  for (const host of [source, target]) await synced(host, replication)
  const sent = [{ vdi: ids.from, replication }]
  const received = [{ vdi: ids.to, replication }]
  await source.manager.armHandover(sent)
  await target.manager.armHandover(received)
  await source.manager.releaseDisks(sent)
  await target.manager.takeDisks(received)
  await source.manager.stopReplication(replication, 'nothing')
  await target.manager.stopReplication(replication, 'volume')
  await clear(source)
  await clear(target)
}

async function synced(host: SimulatedStorageHost, replication: string): Promise<void> {
  await new Promise<void>((resolve) => {
    host.manager.watchReplication(replication, ({ state }) => {
      if (state === 'synced') resolve()
    })
  })
}

/** What a toolstack does when it gives up, or is done. */
async function clear({ manager }: SimulatedStorageHost): Promise<void> {
  for (const { id } of await manager.listReplications()) await manager.stopReplication(id, 'volume')
  for (const { id } of await manager.listVdis()) {
    await manager.deactivate(id)
    await manager.detach(id)
    await manager.destroyVdi(id)
  }
}

async function expectNothingLeft(host: SimulatedStorageHost): Promise<void> {
  expect(await host.manager.leftovers()).toEqual([])
  expect(host.kernel.devices.size).toBe(0)
  expect(host.kernel.attached.size).toBe(0)
  const records = [...(await host.store.list('vdi/')), ...(await host.store.list('replication/'))]
  expect(records).toEqual([])
}

async function countPoints(name: 'source' | 'target'): Promise<number> {
  const world = await makeWorld()
  const before = world[name].faults.acts.length
  await move(world)
  return (world[name].faults.acts.length - before) * 2
}

it.each(['source', 'target'] as const)(
  'leaves nothing behind when the storage manager of the %s crashes, at whichever point',
  async (name) => {
    const points = await countPoints(name)
    expect(points).toBeGreaterThan(40)
    for (let point = 0; point < points; point += 1) {
      const world = await makeWorld()
      world[name].faults.crashAfter(point)
      // It may even seem to succeed: an SR that cannot be listed does not fail the list.
      await move(world).catch(() => {})
      expect(world[name].faults.hasCrashed, `point ${point}`).toBe(true)
      await world[name].restart()
      const unexplained = (await world[name].manager.leftovers()).filter(({ reason }) => !reason)
      expect(unexplained, `point ${point}`).toEqual([])
      await clear(world.source)
      await clear(world.target)
      await expectNothingLeft(world.source)
      await expectNothingLeft(world.target)
      expect(world.storage.world.violations).toEqual([])
    }
  },
)

it.each(['source', 'target'] as const)(
  'can be asked again after any act of the %s has failed once',
  async (name) => {
    const acts = new Set((await actsOf(name)).filter((act) => act !== 'store.transact'))
    for (const act of acts) {
      const world = await makeWorld()
      world[name].faults.failNext(act, new CrosspoolError('INTERNAL', { reference: act }))
      await move(world).catch(() => {})
      await clear(world.source)
      await clear(world.target)
      await move(world)
      await expectNothingLeft(world.source)
      await expectNothingLeft(world.target)
    }
  },
)

async function actsOf(name: 'source' | 'target'): Promise<readonly string[]> {
  const world = await makeWorld()
  const before = world[name].faults.acts.length
  await move(world)
  return world[name].faults.acts.slice(before)
}

it('removes what is there without a reason, on request and when it starts', async () => {
  const the = await makeWorld()
  const { source } = the
  const sr = (await source.manager.listSrs())[0]?.id ?? ''
  await source.manager.createVdi({ id: ids.from, sr, name: 'kept', sizeBytes: 64 * 1024 })
  const forget = async () => {
    await source.manager.attach(ids.from)
    await source.manager.activate(ids.from)
    const record = await source.store.get<Record<string, string>>(`vdi/${ids.from}`)
    const value = { ...record?.value, state: 'detached', device: null }
    await source.store.transact({ puts: [{ key: `vdi/${ids.from}`, value }] })
  }
  await forget()
  expect(await source.manager.cleanLeftovers()).toMatchObject([
    { kind: 'mapped-device', owner: ids.from, reason: null },
  ])
  expect(source.kernel.devices.size).toBe(0)
  expect((await source.manager.leftovers()).map(({ kind }) => kind)).toEqual(['volume'])
  await forget()
  await source.restart()
  expect(source.kernel.devices.size).toBe(0)
})

it('says why a leftover stays', async () => {
  const { source } = await makeWorld()
  const sr = (await source.manager.listSrs())[0]?.id ?? ''
  await source.manager.createVdi({ id: ids.from, sr, name: 'disk', sizeBytes: 64 * 1024 })
  await source.manager.attach(ids.from)
  await source.manager.activate(ids.from)
  await source.store.transact({ deletes: [`vdi/${ids.from}`] })
  const busy = new CrosspoolError('BUSY', { kind: 'device', id: ids.from, user: 'a VM' })
  source.faults.failNext('datapath.discard', busy)
  expect(await source.manager.cleanLeftovers()).toMatchObject([{ reason: busy.message }])
  expect(source.kernel.devices.size).toBe(1)
})

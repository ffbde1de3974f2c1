import { expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { SimulatedCluster } from './simulated-cluster.ts'

/** Two hosts that know each other; the first has a VM on a disk of its own. */
async function start() {
  const cluster = new SimulatedCluster({})
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  await one.toolstack.hosts.introduce('http://two')
  const [sr] = await one.storage.listSrs()
  const vdi = await one.storage.createVdi({ sr: sr?.id ?? '', name: 'root', sizeBytes: 8 * MiB })
  const { id: vm } = await one.toolstack.startVm({
    ...{ name: 'database', vcpus: 1, memoryBytes: MiB, boot: { disk: true } },
    ...{ disks: [{ vdi: vdi.id, readOnly: false }], interfaces: [] },
  })
  return { cluster, one, two, vm, vdi: vdi.id, inventories: one.toolstack.inventories }
}

it('shows all of this host and of those that it knows', async () => {
  const { inventories, vm, vdi } = await start()
  expect(await inventories.all()).toMatchObject([
    { name: 'one', inventory: { vms: [{ id: vm }], vdis: [{ id: vdi }] }, problem: null },
    { name: 'two', pool: 'beta', inventory: { vms: [], vdis: [] }, problem: null },
  ])
})

it('says of a host that does not answer what the problem is', async () => {
  const { cluster, inventories } = await start()
  cluster.disks.cutLink('one', 'two')
  const [, two] = await inventories.all()
  expect(two).toMatchObject({ name: 'two', pool: 'beta', inventory: null })
  expect(two?.problem).toContain('does not answer')
})

it('shows kept replicas on both hosts, by name also while the host of the VM does not answer', async () => {
  const { cluster, one, vm, vdi, inventories } = await start()
  const keepReplica = { forMs: 3_600_000, mode: 'every-write' as const }
  const kept = await cluster.migrate(vm, 'one', 'two', { keepReplica })
  expect(kept.error).toBeNull()
  await cluster.clock.advance(1_000)
  const shown = async () => (await inventories.all()).map(({ inventory }) => inventory?.replicas)
  const [[here] = [], [there] = []] = await shown()
  const same = { vm, vmName: 'database', slot: 'xvda', state: 'synced', reason: null }
  expect(here).toMatchObject({ ...same, here: 'replica', vdi, other: 'beta/two' })
  expect(there).toMatchObject({ ...same, here: 'disk', other: 'alpha/one', id: here?.id })
  expect(await one.toolstack.replicas.list()).toEqual([here])

  cluster.disks.cutLink('one', 'two')
  expect(await shown()).toMatchObject([[{ vmName: 'database', state: 'interrupted' }], undefined])
})

it('tells of changes to all who watch, and of nothing else', async () => {
  const { cluster, one, inventories, vm } = await start()
  const told: (string | undefined)[] = []
  const stop = inventories.watch(([own]) => told.push(own?.inventory?.vms[0]?.state))
  await cluster.clock.advance(5_000)
  expect(told).toEqual(['running'])
  await one.toolstack.pauseVm(vm)
  await cluster.clock.advance(5_000)
  expect(told).toEqual(['running', 'paused'])
  stop()
  await one.toolstack.unpauseVm(vm)
  await cluster.clock.advance(5_000)
  expect(told).toEqual(['running', 'paused'])
})

it('a migration is in the inventory with what was checked before it began', async () => {
  const { cluster, one, two, vm, inventories } = await start()
  const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
  const { id } = await cluster.until(one.toolstack.migrate(vm, request), 'the beginning')
  await cluster.until(one.toolstack.operations.wait(id), 'the migration')
  const [own] = await inventories.all()
  expect(own?.inventory?.operations).toMatchObject([{ id, state: 'succeeded' }])
  const { checks } = own?.inventory?.operations[0]?.details ?? {}
  expect(checks).toContainEqual(expect.objectContaining({ result: 'passed' }))
  expect((await two.toolstack.inventories.own()).vms).toMatchObject([{ id: vm }])
})

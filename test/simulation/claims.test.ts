import { expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { KeepMode } from '../../src/model/replication.ts'
import type { VmCreate } from '../../src/model/vm.ts'
import { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts'
import { SimulatedGuest } from './simulated-guest.ts'

const claim = { decision: 'claim', sure: true } as const

/** A VM that was started at one and has gone to two; the disk that it has left is kept. */
async function start(mode: KeepMode = 'every-write', options: SimulatedClusterOptions = {}) {
  const cluster = new SimulatedCluster(options)
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  for (const [host, other] of [
    [one, 'http://two'],
    [two, 'http://one'],
  ] as const)
    await host.toolstack.hosts.introduce(other)
  const [sr] = await one.storage.listSrs()
  const vdi = await one.storage.createVdi({ sr: sr?.id ?? '', name: 'root', sizeBytes: 8 * MiB })
  const wanted: VmCreate = {
    ...{ name: 'database', vcpus: 1, memoryBytes: MiB, boot: { disk: true } },
    disks: [{ vdi: vdi.id, readOnly: false }],
    interfaces: [],
  }
  const { id: vm } = await one.toolstack.startVm(wanted)
  const guest = new SimulatedGuest(cluster, vm, ['xvda'])
  await cluster.clock.advance(100)
  const ended = await cluster.migrate(vm, 'one', 'two', { keepReplica: { forMs: null, mode } })
  expect(ended.error).toBeNull()
  await cluster.clock.advance(1_000)
  const ownership = async () =>
    (await one.toolstack.ownerships.list()).find((known) => known.vm === vm)
  return { cluster, one, two, vm, vdi: vdi.id, guest, ownership }
}

/** The VM goes back to one, and no further than to copying what differs. */
async function beginBack({
  cluster,
  two,
  vm,
}: Pick<Awaited<ReturnType<typeof start>>, 'cluster' | 'two' | 'vm'>) {
  cluster.disks.cutLink('one', 'two')
  await cluster.clock.advance(100)
  cluster.disks.holdSync(true)
  cluster.disks.mendLink('one', 'two')
  const request = { destination: 'http://one', srMap: {}, networkMap: {}, keepSourceDisks: false }
  const operation = await cluster.until(two.toolstack.migrate(vm, request), 'the beginning')
  await cluster.clock.advance(2_000)
  return operation
}

it('gives a VM whose host is lost to the host of its replica, with every write up to then', async () => {
  const { cluster, one, two, vm, guest, ownership } = await start()
  expect(await ownership()).toMatchObject({ state: 'replica', settled: true, decisions: [] })
  await expect(one.toolstack.ownerships.decide(vm, claim)).rejects.toThrow()

  cluster.vms.remove('two', vm)
  guest.stop()
  cluster.disks.cutLink('one', 'two')
  const lost = await ownership()
  expect(lost).toMatchObject({ state: 'replica', settled: false, decisions: ['claim'] })
  expect(lost?.explanation).toContain('every write up to')
  await one.toolstack.ownerships.decide(vm, claim)
  expect(await ownership()).toMatchObject({ state: 'owned', epoch: (lost?.epoch ?? 0) + 1 })
  expect(await one.storage.listReplications()).toEqual([])
  expect(await one.toolstack.getVm('database')).toMatchObject({ id: vm, state: 'halted' })
  await one.toolstack.startHaltedVm('database')
  expect(guest.problems()).toEqual([])

  // The other host is back: it asks before it starts the VM, and until it has an answer it does not.
  await expect(two.toolstack.startHaltedVm(vm)).rejects.toMatchObject({ code: 'REPLICA_UNDECIDED' })
  cluster.disks.mendLink('one', 'two')
  await expect(two.toolstack.startHaltedVm(vm)).rejects.toMatchObject({ code: 'WRONG_STATE' })
  cluster.disks.cutLink('one', 'two')
  await expect(two.toolstack.startHaltedVm(vm)).rejects.toThrow()
  expect(cluster.vms.runningAt(vm)).toEqual(['one'])
  expect(cluster.vms.violations).toEqual([])
})

it('starts again where it was when its host is back and nobody has claimed it', async () => {
  const { cluster, two, vm } = await start()
  await two.toolstack.destroyVm(vm)
  await two.toolstack.startHaltedVm(vm)
  expect(cluster.vms.runningAt(vm)).toEqual(['two'])
})

it('asks nobody any more once both hosts have ended the replica, and have said so', async () => {
  const { cluster, one, two, vm } = await start()
  for (const { storage } of [one, two])
    for (const { id, side } of await storage.listReplications())
      await storage.stopReplication(id, side === 'source' ? 'volume' : 'nothing')
  await two.toolstack.destroyVm(vm)
  cluster.disks.cutLink('one', 'two')
  await expect(two.toolstack.startHaltedVm(vm)).rejects.toMatchObject({ code: 'REPLICA_UNDECIDED' })
  cluster.disks.mendLink('one', 'two')
  const toolstack = await cluster.restartToolstack('two')
  await cluster.clock.advance(100)
  cluster.disks.cutLink('one', 'two')
  await toolstack.startHaltedVm(vm)
  expect(cluster.vms.runningAt(vm)).toEqual(['two'])
})

it('offers no claim while the replica catches up, or where it has only what was once', async () => {
  for (const mode of ['every-write', 'difference'] as const) {
    const { cluster, one, vm, ownership } = await start(mode)
    cluster.disks.holdSync(true)
    cluster.disks.cutLink('one', 'two')
    await cluster.clock.advance(100)
    cluster.disks.mendLink('one', 'two')
    await cluster.clock.advance(100)
    cluster.disks.cutLink('one', 'two')
    await cluster.clock.advance(100)
    expect(await ownership()).toMatchObject({ state: 'replica', decisions: [] })
    await expect(one.toolstack.ownerships.decide(vm, claim)).rejects.toThrow()
  }
})

it('is not taken for claimed when it has come back, and its daemon restarts before the mirror is out', async () => {
  let isBroken = false
  const { cluster, one, vm, vdi, guest } = await start('every-write', {
    onCall(host, port, method) {
      if (isBroken && host === 'two' && port === 'peer' && method === 'close')
        throw new Error('made to fail')
    },
  })
  isBroken = true
  const ended = cluster.migrate(vm, 'two', 'one')
  while (!cluster.vms.runningAt(vm).includes('one')) await cluster.clock.advance(100)
  one.toolstack.close()
  const toolstack = await cluster.restartToolstack('one')
  isBroken = false
  expect((await ended).error).toBeNull()
  guest.stop()
  cluster.vms.setState('one', vm, 'shutdown')
  await cluster.clock.advance(300_000)
  expect(await toolstack.getVm(vm)).toMatchObject({ state: 'halted' })
  expect(await one.storage.getVdi(vdi)).toMatchObject({ state: 'detached' })
})

it('is open for this host until what it has refused has gone, so that nothing of it can meet a claim', async () => {
  let isBroken = false
  const { cluster, one, two, vm, ownership } = await start('every-write', {
    onCall(host, port, method) {
      if (isBroken && host === 'one' && port === 'storage' && method === 'listReplications')
        throw new Error('made to fail')
    },
  })
  const { id } = await beginBack({ cluster, two, vm })
  isBroken = true
  await cluster.until(two.toolstack.operations.cancel(id), 'the cancel')
  await cluster.clock.advance(2_000)
  isBroken = false
  expect(await ownership()).toMatchObject({ state: 'refused', settled: false, decisions: [] })
  await expect(one.toolstack.ownerships.decide(vm, claim)).rejects.toThrow()
  await cluster.clock.advance(60_000)
  expect((await ownership())?.settled).toBe(true)
})

it('is still known as one that may be claimed while the VM goes back, also after a restart', async () => {
  const { cluster, one, two, vm } = await start()
  await beginBack({ cluster, two, vm })
  expect(await one.storage.listReplications()).toMatchObject([{ kept: null }])
  // Whoever has the VM's disk asks this before it forgets that the VM may have been claimed.
  expect(await one.toolstack.replicas.claimOf(vm)).toMatchObject({ keepsReplica: true })
  one.toolstack.close()
  const toolstack = await cluster.restartToolstack('one')
  await cluster.clock.advance(100)
  cluster.vms.remove('two', vm)
  await toolstack.replicas.drop('database')
})

it('goes on with a claim that was interrupted', async () => {
  const { cluster, one, vm, guest, ownership } = await start()
  cluster.vms.remove('two', vm)
  guest.stop()
  cluster.disks.cutLink('one', 'two')
  await ownership()
  const { faults } = cluster.disks.kernel('one')
  faults.failNext('datapath.close', new Error('made to fail'))
  await expect(one.toolstack.ownerships.decide(vm, claim)).rejects.toThrow()
  const toolstack = await cluster.restartToolstack('one')
  expect(await one.storage.listReplications()).toEqual([])
  await toolstack.startHaltedVm('database')
  expect(guest.problems()).toEqual([])
})

it('tells what is kept, and drops it on both hosts', async () => {
  const { cluster, one, two, vm, vdi } = await start()
  expect(await one.toolstack.replicas.list()).toMatchObject([
    { vm, vmName: 'database', here: 'replica', vdi, other: 'beta/two', lackingSinceMs: null },
  ])
  expect(await two.toolstack.replicas.list()).toMatchObject([
    { vm, vmName: 'database', here: 'disk', other: 'alpha/one' },
  ])
  expect(await two.toolstack.replicas.drop('database')).toMatchObject([{ isToldThere: true }])
  for (const { storage, toolstack } of [one, two]) {
    expect(await storage.listReplications()).toEqual([])
    expect(await toolstack.replicas.list()).toEqual([])
  }
  expect(await one.storage.listVdis()).toEqual([])
  expect(cluster.vms.runningAt(vm)).toEqual(['two'])
  await expect(two.toolstack.replicas.drop('database')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('drops no replica beside which a paused copy of the VM is still there', async () => {
  const { cluster, one, two, vm } = await start()
  const { vms } = cluster.vms.host('one')
  const running = cluster.vms.host('two').vms.get(vm)
  if (running) vms.set(vm, { ...running, state: 'paused' })
  await expect(one.toolstack.replicas.drop('database')).rejects.toMatchObject({ code: 'BUSY' })
  expect(await two.toolstack.replicas.drop('database')).toMatchObject([{ isToldThere: false }])
  expect(await one.storage.listReplications()).toHaveLength(1)
  vms.delete(vm)
  expect(await one.toolstack.replicas.drop('database')).toHaveLength(1)
  expect(await one.storage.listReplications()).toEqual([])
})

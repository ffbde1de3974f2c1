import { describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsOf } from '../../src/model/migration.ts'
import type { ReplicaWish } from '../../src/model/replica.ts'
import type { KeepMode } from '../../src/model/replication.ts'
import { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts'
import { SimulatedGuest } from './simulated-guest.ts'

const sizeBytes = 8 * MiB
const keptMs = 600_000
const modes: readonly KeepMode[] = ['every-write', 'difference']
const forAWhile = (mode: KeepMode): ReplicaWish => ({ forMs: keptMs, mode })

/** A VM that writes, with one disk, and two hosts. */
async function start(options: SimulatedClusterOptions = {}) {
  const cluster = new SimulatedCluster(options)
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  const sr = (await one.storage.listSrs())[0]?.id ?? ''
  const { id } = await one.storage.createVdi({ sr, name: 'disk', sizeBytes })
  await one.storage.attach(id)
  const { device } = await one.storage.activate(id)
  const disks = [{ slot: 'xvda', device: device ?? '', readOnly: false }]
  cluster.vms.addVm('one', { id: 'vm', disks })
  const guest = new SimulatedGuest(cluster, 'vm', ['xvda'])
  await cluster.clock.advance(100)
  const replicate = async (keepReplica: ReplicaWish) => {
    const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const { toolstack } = cluster.host('one')
    const begun = toolstack.replicate('vm', { ...request, keepReplica })
    const operation = await cluster.until(begun, 'the beginning')
    return cluster.until(toolstack.operations.wait(operation.id), 'the copy')
  }
  return { cluster, one, two, vdi: id, guest, replicate }
}
type Started = Awaited<ReturnType<typeof start>>

const sentBytes = (operation: Parameters<typeof migrationDetailsOf>[0]) =>
  migrationDetailsOf(operation)?.disks[0]?.outOfSyncBytes

function expectSound({ cluster, guest }: Started, what = ''): void {
  expect(guest.problems(), what).toEqual([])
  expect(cluster.disks.violations, what).toEqual([])
  expect(cluster.vms.violations, what).toEqual([])
}

/** Both hosts have what the VM needs where it is, and nothing else. */
async function expectNothingLeft({ cluster, one, two }: Started, what = ''): Promise<void> {
  const [at] = cluster.vms.runningAt('vm')
  for (const { name, storage } of [one, two]) {
    expect(await storage.listReplications(), what).toEqual([])
    expect((await storage.listVdis()).length, what).toBe(name === at ? 1 : 0)
    expect((await storage.leftovers()).filter(({ reason }) => !reason, what)).toEqual([])
  }
}

describe.each(modes)('a VM whose disk stays behind as a replica (%s)', (mode) => {
  it('goes back by what differs, as often as it likes, and the replica ends in time', async () => {
    const the = await start()
    const { cluster, one, two, vdi } = the
    const keepReplica = forAWhile(mode)
    for (const [from, to] of [
      ['one', 'two'],
      ['two', 'one'],
      ['one', 'two'],
      ['two', 'one'],
    ] as const) {
      const ended = await cluster.migrate('vm', from, to, { keepReplica })
      expect(ended.error).toBeNull()
      expect(migrationDetailsOf(ended)?.keep).toEqual(keepReplica)
      expect(cluster.vms.runningAt('vm')).toEqual([to])
      expectSound(the)
      await cluster.clock.advance(5_000)
      expectSound(the)
    }
    const [kept] = await two.storage.listReplications()
    expect(kept).toMatchObject({ side: 'target', kept: { vm: 'vm', slot: 'xvda', mode } })
    expect((await one.storage.listVdis()).map(({ id }) => id)).toEqual([vdi])
    the.guest.stop()
    await cluster.clock.advance(2 * keptMs)
    await expectNothingLeft(the)
    expectSound(the)
  })

  it('is told before it goes back how little has to be sent, and sends no more', async () => {
    const the = await start()
    const { cluster } = the
    await cluster.migrate('vm', 'one', 'two', { keepReplica: forAWhile(mode) })
    await cluster.clock.advance(1_000)
    const request = { destination: 'http://one', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const { checks } = await cluster.host('two').toolstack.preflight('vm', request)
    const row = checks.find(({ name }) => name === 'replica')
    expect(row).toMatchObject({ subject: 'xvda', result: 'passed' })
    const most: number[] = []
    cluster
      .host('two')
      .storage.watchReplication(
        (await cluster.host('two').storage.listReplications())[0]?.id ?? '',
        ({ outOfSyncBytes }) => most.push(outOfSyncBytes),
      )
    const ended = await cluster.migrate('vm', 'two', 'one')
    expect(ended.error).toBeNull()
    expect(sentBytes(ended)).toBe(0)
    expect(Math.max(...most)).toBeLessThanOrEqual(sizeBytes / 16)
    expectSound(the)
    await expectNothingLeft(the)
  })

  it('has its replica again when the way back is cancelled', async () => {
    const the = await start()
    const { cluster, one, two } = the
    await cluster.migrate('vm', 'one', 'two', { keepReplica: forAWhile(mode) })
    cluster.disks.cutLink('one', 'two')
    await cluster.clock.advance(100)
    cluster.disks.holdSync(true)
    cluster.disks.mendLink('one', 'two')
    const { toolstack } = two
    const request = { destination: 'http://one', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const { id } = await cluster.until(toolstack.migrate('vm', request), 'the beginning')
    await cluster.clock.advance(2_000)
    const cancelled = cluster.until(toolstack.operations.cancel(id), 'the cancel')
    cluster.disks.holdSync(false)
    await cancelled
    await cluster.until(toolstack.operations.wait(id), 'the migration')
    expect((await one.storage.listReplications())[0]).toMatchObject({ side: 'target' })
    expect((await one.storage.listReplications())[0]?.kept).toMatchObject({ mode })
    const again = await cluster.migrate('vm', 'two', 'one')
    expect(again.error).toBeNull()
    expectSound(the)
    await expectNothingLeft(the)
  })

  it('ends a way back that is cancelled though the disk had forgotten its replica', async () => {
    const the = await start()
    const { cluster, two } = the
    await cluster.migrate('vm', 'one', 'two', { keepReplica: forAWhile(mode) })
    for (const { id } of await two.storage.listReplications())
      await two.storage.stopReplication(id, 'volume')
    cluster.disks.holdSync(true)
    const { toolstack } = two
    const request = { destination: 'http://one', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const { id } = await cluster.until(toolstack.migrate('vm', request), 'the beginning')
    await cluster.clock.advance(2_000)
    await cluster.until(toolstack.operations.cancel(id), 'the cancel')
    const ended = await cluster.until(toolstack.operations.wait(id), 'the migration')
    expect(ended.state).toBe('cancelled')
    cluster.disks.holdSync(false)
    expect((await cluster.migrate('vm', 'two', 'one')).error).toBeNull()
    expectSound(the)
    await expectNothingLeft(the)
  })

  it('can be copied beforehand, and again, and then goes there by what differs', async () => {
    const the = await start()
    const { cluster, one, two, replicate } = the
    for (let time = 0; time < 2; time += 1) {
      const copied = await replicate(forAWhile(mode))
      expect(copied.error).toBeNull()
      expect(cluster.vms.presentAt('vm')).toEqual(['one'])
      expect(await two.storage.listReplications()).toHaveLength(1)
      expect(await two.storage.listVdis()).toHaveLength(1)
      await cluster.clock.advance(5_000)
    }
    const replica = (await two.storage.listVdis())[0]?.id
    expect((await cluster.migrate('vm', 'one', 'two')).error).toBeNull()
    expect((await two.storage.listVdis()).map(({ id }) => id)).toEqual([replica])
    expect(await one.storage.listVdis()).toEqual([])
    expectSound(the)
    await expectNothingLeft(the)
  })

  it('is never lost, whichever call fails once on the way there and back', async () => {
    const calls = await callsOf(mode)
    expect(calls.length).toBeGreaterThan(30)
    for (const [index, call] of calls.entries()) {
      const what = `call ${index}: ${call}`
      const the = await start(failing(index))
      const go = async (keepReplica?: ReplicaWish) => {
        const [at = ''] = the.cluster.vms.runningAt('vm')
        const to = at === 'one' ? 'two' : 'one'
        // The call that fails may be the one that would have begun it.
        const wanted = keepReplica ? { keepReplica } : {}
        const ended = await the.cluster.migrate('vm', at, to, wanted).catch(() => null)
        await the.cluster.clock.advance(15_000)
        expectSound(the, what)
        return ended?.state === 'succeeded'
      }
      await go(forAWhile(mode))
      if (!(await go())) expect(await go(), what).toBe(true)
      the.guest.stop()
      await the.cluster.clock.advance(2 * keptMs)
      expectSound(the, what)
      await expectNothingLeft(the, what)
    }
  }, 120_000)
})

it('goes elsewhere although it has a replica, which is then out of date and says so', async () => {
  const the = await start()
  const { cluster, one, two } = the
  const three = await cluster.addHost('three', 'gamma')
  await cluster.migrate('vm', 'one', 'two', { keepReplica: forAWhile('every-write') })
  const request = { destination: 'http://three', srMap: {}, networkMap: {}, keepSourceDisks: false }
  const { checks } = await two.toolstack.preflight('vm', request)
  expect(checks.find(({ name }) => name === 'replica')).toMatchObject({ result: 'warning' })
  expect((await cluster.migrate('vm', 'two', 'three')).error).toBeNull()
  expect(await two.storage.listReplications()).toEqual([])
  expect(await three.storage.listReplications()).toEqual([])
  expect((await one.storage.listReplications())[0]?.state).toBe('interrupted')
  the.guest.stop()
  await cluster.clock.advance(2 * keptMs)
  expect(await one.storage.listVdis()).toEqual([])
  expectSound(the)
})

it('leaves no disk behind where the source has lost what it was to keep', async () => {
  let isBroken = false
  const the = await start({
    onCall(host, port, method) {
      if (isBroken && host === 'one' && port === 'peer' && method === 'close')
        throw new Error('made to fail')
    },
  })
  const { cluster, one } = the
  isBroken = true
  const ended = cluster.migrate('vm', 'one', 'two', { keepReplica: forAWhile('every-write') })
  while (!cluster.vms.runningAt('vm').includes('two')) await cluster.clock.advance(100)
  for (const { id } of await one.storage.listReplications())
    await one.storage.stopReplication(id, 'nothing')
  isBroken = false
  expect((await ended).error).toBeNull()
  expect(await one.storage.listVdis()).toEqual([])
  expectSound(the)
})

it('is copied beforehand beside a disk that both hosts reach, which is not held there for it', async () => {
  const shared = '11111111-1111-4111-8111-111111111111'
  const the = await start()
  const { cluster, one, two, replicate } = the
  const configuration = { array: 'san', shared: true }
  for (const { storage } of [one, two])
    await storage.createSr({ id: shared, name: 'san', type: 'simulated', configuration })
  const { id } = await one.storage.createVdi({ sr: shared, name: 'both', sizeBytes })
  await one.storage.attach(id)
  const { device } = await one.storage.activate(id)
  const own = cluster.vms.host('one').vms.get('vm')
  const disks = [...(own?.disks ?? []), { slot: 'xvdb', device: device ?? '', readOnly: false }]
  if (own) cluster.vms.put('one', { ...own, disks })
  expect((await replicate(forAWhile('every-write'))).error).toBeNull()
  expect(await two.storage.getVdi(id)).toMatchObject({ state: 'detached' })
  expect((await cluster.migrate('vm', 'one', 'two')).error).toBeNull()
  expectSound(the)
})

/** Only what is asked while the VM moves: the first call is that of the first migration. */
async function callsOf(mode: KeepMode): Promise<readonly string[]> {
  const calls: string[] = []
  const the = await start({
    onCall: (host, port, method) => void calls.push(`${host} ${port}.${method}`),
  })
  await the.cluster.migrate('vm', 'one', 'two', { keepReplica: forAWhile(mode) })
  await the.cluster.migrate('vm', 'two', 'one')
  return calls.filter((call) => !isLooking(call))
}

const isLooking = (call: string) => /\.(watch\w*|heartbeat)$/.test(call)

function failing(index: number): SimulatedClusterOptions {
  let seen = 0
  return {
    onCall(host, port, method) {
      if (isLooking(`${host} ${port}.${method}`)) return
      seen += 1
      if (seen === index + 1) throw new Error('made to fail')
    },
  }
}

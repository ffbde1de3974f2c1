import { expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { ReplicaScheduleWish } from '../../src/model/replica-schedule.ts'
import {
  type CallObserver,
  SimulatedCluster,
  type SimulatedClusterOptions,
} from './simulated-cluster.ts'
import { SimulatedGuest } from './simulated-guest.ts'

const sizeBytes = 8 * MiB
const everyMs = 60_000
const tenthMs = everyMs / 10
const keepReplica = { forMs: 24 * 3_600_000 }

/** A VM that writes, at one; its replica at two is refreshed every minute. */
async function start(
  options: SimulatedClusterOptions = {},
  over: Partial<ReplicaScheduleWish> = {},
) {
  const cluster = new SimulatedCluster(options)
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  for (const { toolstack } of [one, two]) await toolstack.recover()
  await one.toolstack.hosts.introduce('http://two')
  await two.toolstack.hosts.introduce('http://one')
  const sr = (await one.storage.listSrs())[0]?.id ?? ''
  const { id } = await one.storage.createVdi({ sr, name: 'disk', sizeBytes })
  await one.storage.attach(id)
  const { device } = await one.storage.activate(id)
  const disks = [{ slot: 'xvda', device: device ?? '', readOnly: false }]
  cluster.vms.addVm('one', { id: 'vm', name: 'database', disks })
  const guest = new SimulatedGuest(cluster, 'vm', ['xvda'])
  await cluster.clock.advance(100)
  const wish = { destination: 'two', srMap: {}, networkMap: {}, keepReplica, everyMs, ...over }
  const put = (wanted: Partial<ReplicaScheduleWish> = {}) =>
    cluster.until(
      cluster.host('one').toolstack.schedules.put('database', { ...wish, ...wanted }),
      'the schedule',
    )
  /** When each refresh of those that began here has begun, in tenths of the interval since this was asked first. */
  const startMs = cluster.clock.now()
  const begun = new Map<string, Operation>()
  one.toolstack.operations.observe((operation) => void begun.set(operation.id, operation))
  const times = () =>
    [...begun.values()]
      .filter(({ kind }) => kind === 'replicate')
      .map(({ startedAtMs }) => Math.round((startedAtMs - startMs) / tenthMs))
  const schedule = () => cluster.host('one').toolstack.schedules.get('vm')
  return { cluster, one, two, guest, put, schedule, times, begun }
}

it('refreshes the replica at once and at its times, and sends only what differs', async () => {
  const { cluster, put, schedule, times, begun, one, two, guest } = await start()
  const first = await put()
  expect(first).toMatchObject({
    ...{ destination: 'beta/two', state: 'refreshing', vmName: 'database', last: null },
    keepReplica: { mode: 'difference' },
  })
  expect(begun.get(first.operation ?? '')?.kind).toBe('replicate')
  await cluster.clock.advance(tenthMs)
  const replication = (await one.storage.listReplications())[0]?.id ?? ''
  const differing: number[] = []
  one.storage.watchReplication(replication, ({ outOfSyncBytes }) => differing.push(outOfSyncBytes))
  await cluster.clock.advance(3.4 * everyMs)
  expect(Math.max(...differing)).toBeGreaterThan(0)
  expect(Math.max(...differing)).toBeLessThanOrEqual(sizeBytes / 16)
  expect(times()).toEqual([0, 10, 20, 30])
  const now = await schedule()
  expect(now).toMatchObject({ state: 'waiting', operation: null, failures: 0, isOverdue: false })
  expect(now.last).toMatchObject({ result: 'succeeded', error: null })
  expect(now.succeededAtMs).toBe(now.last?.endedAtMs)
  // A refresh pushes no other operation out of the journal but the one before it.
  expect(await cluster.host('one').toolstack.operations.list()).toHaveLength(1)
  expect(await two.storage.listReplications()).toHaveLength(1)
  expect(guest.problems()).toEqual([])
})

it('is shown with the replica where the disk is, and there alone', async () => {
  const { cluster, put, one, two } = await start()
  await put()
  await cluster.clock.advance(tenthMs)
  const [disk] = await one.toolstack.replicas.list()
  expect(disk?.refresh).toMatchObject({ everyMs, last: { result: 'succeeded' } })
  expect((await two.toolstack.replicas.list())[0]?.refresh).toBeNull()
})

it('makes up once for times that were missed, and goes on after a restart', async () => {
  const { cluster, put, one, times, schedule } = await start()
  await put()
  await cluster.clock.advance(tenthMs)
  one.toolstack.close()
  await cluster.clock.advance(4.5 * everyMs)
  expect(times()).toEqual([0])
  const toolstack = await cluster.restartToolstack('one')
  await cluster.clock.advance(tenthMs)
  expect(await toolstack.operations.list()).toHaveLength(1)
  const { last, nextAtMs } = await schedule()
  expect(last?.result).toBe('succeeded')
  expect(nextAtMs).toBe((last?.startedAtMs ?? 0) + everyMs)
})

it('shows why it fails, tries again less often, and recovers', async () => {
  const { cluster, put, times, schedule } = await start()
  await put()
  await cluster.clock.advance(tenthMs)
  cluster.disks.cutLink('one', 'two')
  await cluster.clock.advance(8 * everyMs)
  expect(times()).toEqual([0, 10, 20, 40, 80])
  expect(await schedule()).toMatchObject({
    ...{ failures: 4, isOverdue: true, state: 'waiting' },
    last: { result: 'failed', error: { code: 'PEER_UNREACHABLE' } },
  })
  cluster.disks.mendLink('one', 'two')
  await cluster.clock.advance(4 * everyMs)
  expect(times()).toEqual([0, 10, 20, 40, 80, 120])
  expect(await schedule()).toMatchObject({ failures: 0, isOverdue: false })
})

it('rests while the VM is elsewhere, and catches up when it is back', async () => {
  const { cluster, put, times, schedule, guest } = await start()
  await put()
  await cluster.clock.advance(tenthMs)
  await cluster.migrate('vm', 'one', 'two')
  await cluster.clock.advance(3 * everyMs)
  expect(times()).toEqual([0])
  expect(await schedule()).toMatchObject({
    ...{ state: 'resting', nextAtMs: null, isOverdue: false, failures: 0 },
    last: { result: 'skipped', operation: null, error: { code: 'NOT_FOUND' } },
  })
  await cluster.migrate('vm', 'two', 'one')
  await cluster.clock.advance(tenthMs)
  const { last, state } = await schedule()
  expect({ state, result: last?.result }).toEqual({ state: 'waiting', result: 'succeeded' })
  expect(times()).toHaveLength(2)
  expect(guest.problems()).toEqual([])
  expect(cluster.vms.violations).toEqual([])
})

it('takes it for no failure that the storage manager is not there yet after a boot', async () => {
  let isAway = false
  const onCall: CallObserver = (host, port, method) => {
    if (isAway && `${host} ${port}.${method}` === 'one storage.facts')
      throw new Error('made to fail')
  }
  const { cluster, put, times, schedule } = await start({ onCall })
  await put()
  await cluster.clock.advance(tenthMs)
  isAway = true
  await cluster.clock.advance(everyMs)
  expect(times()).toEqual([0])
  expect(await schedule()).toMatchObject({ state: 'waiting', last: { result: 'succeeded' } })
  isAway = false
  await cluster.clock.advance(everyMs / 2)
  expect(times()).toEqual([0, 15])
})

it('goes with the definition of its VM', async () => {
  const { cluster, one } = await start()
  const sr = (await one.storage.listSrs())[0]?.id ?? ''
  const { id: vdi } = await one.storage.createVdi({ sr, name: 'own', sizeBytes })
  const { id } = await one.toolstack.startVm({
    ...{ name: 'short-lived', vcpus: 1, memoryBytes: MiB, boot: { disk: true }, interfaces: [] },
    disks: [{ vdi, readOnly: false }],
  })
  const wish = { destination: 'two', srMap: {}, networkMap: {}, keepReplica, everyMs }
  await cluster.until(one.toolstack.schedules.put(id, wish), 'the schedule')
  await cluster.clock.advance(tenthMs)
  await one.toolstack.schedules.get('short-lived')
  await one.toolstack.destroyVm(id)
  await cluster.clock.advance(everyMs)
  expect(await one.toolstack.schedules.get(id)).toMatchObject({
    ...{ state: 'resting', last: { result: 'skipped', error: { code: 'WRONG_STATE' } } },
  })
  // As long as its disk has a replica it cannot be forgotten.
  await one.toolstack.replicas.drop(id)
  await one.toolstack.schedules.put(id, wish)
  await one.toolstack.forgetVm(id)
  await expect(one.toolstack.schedules.get(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('lets a migration that is under way end first', async () => {
  const { cluster, put, times, schedule, one } = await start()
  await put()
  await cluster.clock.advance(tenthMs)
  cluster.disks.holdSync(true)
  const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
  const { id } = await cluster.until(one.toolstack.migrate('vm', request), 'the beginning')
  await cluster.clock.advance(2 * everyMs)
  expect(times()).toEqual([0])
  expect((await schedule()).state).toBe('waiting')
  await cluster.until(one.toolstack.operations.cancel(id), 'the cancel')
  cluster.disks.holdSync(false)
  await cluster.clock.advance(tenthMs)
  expect(times()).toEqual([0, 21])
  expect((await schedule()).last?.result).toBe('succeeded')
})

it('leaves a time out while somebody moves the VM by hand', async () => {
  const { cluster, put, times, schedule, one, two } = await start()
  await put()
  await cluster.clock.advance(everyMs - tenthMs / 2)
  const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
  const asked = await one.toolstack.receiveRequest('vm', request)
  const { receiver, token } = await two.toolstack.receivers.receive(asked)
  const sent = one.toolstack.send('vm', { url: 'http://two', receiver: receiver.id, token })
  const { id } = await cluster.until(sent, 'the sending')
  await cluster.clock.advance(tenthMs)
  expect((await schedule()).last).toMatchObject({ result: 'skipped', error: { code: 'BUSY' } })
  expect(await schedule()).toMatchObject({ state: 'waiting', failures: 0 })
  await cluster.until(one.toolstack.sendings.resume(id), 'the VM')
  await cluster.clock.advance(everyMs)
  expect(times()).toEqual([0, 20])
  expect((await schedule()).last?.result).toBe('succeeded')
})

it('refreshes one VM once at a time, however long that takes, and is cancelled as any copy', async () => {
  const { cluster, put, times, schedule, one } = await start()
  cluster.disks.holdSync(true)
  const { operation } = await put()
  await cluster.clock.advance(3 * everyMs)
  expect(times()).toEqual([0])
  await cluster.until(one.toolstack.operations.cancel(operation ?? ''), 'the cancel')
  cluster.disks.holdSync(false)
  await cluster.clock.advance(tenthMs)
  // Its time had come meanwhile.
  expect(times()).toEqual([0, 30])
  expect((await schedule()).last?.result).toBe('succeeded')
})

it('waits its turn in the queue of all that leaves the host', async () => {
  const limits = { host: 1, link: 1, peer: 2, sr: 1 }
  const { cluster, put, one, begun } = await start({ limits })
  const sr = (await one.storage.listSrs())[0]?.id ?? ''
  const { id } = await one.storage.createVdi({ sr, name: 'other', sizeBytes })
  await one.storage.attach(id)
  const { device } = await one.storage.activate(id)
  cluster.vms.addVm('one', {
    id: 'vm2',
    disks: [{ slot: 'xvda', device: device ?? '', readOnly: false }],
  })
  cluster.disks.holdSync(true)
  const wish = { destination: 'two', srMap: {}, networkMap: {}, keepReplica, everyMs }
  await put()
  await cluster.until(one.toolstack.schedules.put('vm2', wish), 'the other schedule')
  await cluster.clock.advance(5_000)
  const steps = [...begun.values()].map(
    ({ steps: all }) => all.find(({ state }) => state === 'running')?.name,
  )
  expect(steps).toEqual(['synchronise', 'queue'])
  cluster.disks.holdSync(false)
  await cluster.clock.advance(tenthMs)
  for (const { last } of await one.toolstack.schedules.list())
    expect(last?.result).toBe('succeeded')
})

it('ends with a replica that is dropped here, and stops where it is dropped there', async () => {
  const { cluster, put, one, two, schedule, times } = await start()
  await put()
  await cluster.clock.advance(tenthMs)
  const id = (await one.toolstack.replicas.list())[0]?.id ?? ''
  await expect(one.toolstack.replicas.dropped(id, 'gamma/three')).rejects.toThrow(id)
  expect((await schedule()).state).toBe('waiting')
  await two.toolstack.replicas.drop('vm')
  expect(await schedule()).toMatchObject({
    ...{ state: 'stopped', nextAtMs: null },
    last: { error: { code: 'REPLICA_DROPPED', details: { host: 'beta/two' } } },
  })
  await cluster.clock.advance(3 * everyMs)
  expect(times()).toEqual([0])
  expect((await schedule()).isOverdue).toBe(true)

  await put()
  await cluster.clock.advance(tenthMs)
  expect((await schedule()).last?.result).toBe('succeeded')
  await one.toolstack.replicas.drop('database')
  await expect(schedule()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await cluster.clock.advance(3 * everyMs)
  for (const { storage } of [one, two]) expect(await storage.listReplications()).toEqual([])
})

it('is removed, and its replica stays', async () => {
  const { cluster, put, one, two, times } = await start()
  await put()
  await cluster.clock.advance(tenthMs)
  await one.toolstack.schedules.remove('database')
  await expect(one.toolstack.schedules.remove('database')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  await cluster.clock.advance(3 * everyMs)
  expect(times()).toEqual([0])
  expect(await two.storage.listReplications()).toHaveLength(1)
})

it('keeps no address: its destination must be a host that is known here', async () => {
  const { put, schedule, cluster } = await start()
  const strange = put({ destination: 'https://user:secret@three:1/path?token=x' })
  await expect(strange).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' })
  await expect(strange).rejects.not.toThrow(/secret|token/)
  await expect(put({ destination: 'three' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(put({ keepReplica: { forMs: everyMs } })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  })
  await put({ destination: 'http://two/', keepReplica: { forMs: null } })
  expect((await schedule()).destination).toBe('beta/two')
  await cluster.clock.advance(tenthMs)
  expect((await schedule()).last?.result).toBe('succeeded')
})

it('is told of before the VM goes to another host, since it rests then', async () => {
  const { put, one } = await start()
  const request = { destination: 'two', srMap: {}, networkMap: {}, keepSourceDisks: false }
  const warnings = async () =>
    (await one.toolstack.preflight('vm', request)).checks.filter(
      ({ name }) => name === 'replica-schedule',
    )
  expect(await warnings()).toEqual([])
  await put()
  expect(await warnings()).toMatchObject([{ subject: 'beta/two', result: 'warning' }])
})

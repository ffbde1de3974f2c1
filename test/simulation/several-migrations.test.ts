import { describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { CrosspoolError } from '../../src/model/errors.ts'
import { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts'
import { SimulatedGuest } from './simulated-guest.ts'

const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }

/** Two hosts, and VMs with one disk each at the first. */
async function start(vms: readonly string[], options: SimulatedClusterOptions = {}) {
  const cluster = new SimulatedCluster(options)
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  const sr = (await one.storage.listSrs())[0]?.id ?? ''
  for (const name of vms) {
    const { id } = await one.storage.createVdi({ sr, name, sizeBytes: 8 * MiB })
    await one.storage.attach(id)
    const { device } = await one.storage.activate(id)
    const disks = [{ slot: 'xvda', device: device ?? '', readOnly: false }]
    cluster.vms.addVm('one', { id: name, disks })
  }
  const begin = async (vm: string) =>
    (await cluster.until(one.toolstack.migrate(vm, request), 'the beginning')).id
  const end = (id: string) => cluster.until(one.toolstack.operations.wait(id), 'the migration')
  return { cluster, one, two, begin, end }
}

const stepOf = async (host: Awaited<ReturnType<typeof start>>['one'], id: string) =>
  (await host.toolstack.operations.get(id)).steps.find(({ state }) => state === 'running')?.name

describe('more migrations than there is room for', () => {
  const limits = { host: 1, link: 1, peer: 1, sr: 1 }

  it('wait for each other, and all of them succeed', async () => {
    const { cluster, one, begin, end } = await start(['a', 'b', 'c'], { limits })
    cluster.disks.holdSync(true)
    const ids = [await begin('a'), await begin('b'), await begin('c')]
    await cluster.clock.advance(3_000)
    const steps = await Promise.all(ids.map((id) => stepOf(one, id)))
    expect(steps).toEqual(['synchronise', 'queue', 'queue'])
    cluster.disks.holdSync(false)
    for (const id of ids) expect((await end(id)).state).toBe('succeeded')
    for (const vm of ['a', 'b', 'c']) expect(cluster.vms.presentAt(vm)).toEqual(['two'])
  })

  it('can be cancelled while they wait, and nothing was touched', async () => {
    const { cluster, one, begin, end } = await start(['a', 'b'], { limits })
    cluster.disks.holdSync(true)
    const [first, second] = [await begin('a'), await begin('b')]
    await cluster.clock.advance(1_000)
    await one.toolstack.operations.cancel(second)
    expect((await end(second)).state).toBe('cancelled')
    cluster.disks.holdSync(false)
    expect((await end(first)).state).toBe('succeeded')
    expect(cluster.vms.presentAt('b')).toEqual(['one'])
  })

  it('wait for room at the destination too', async () => {
    const roomy = { host: 9, link: 9, peer: 9, sr: 9 }
    const { cluster, two, begin, end } = await start(['a', 'b'], { limits: roomy })
    let isFull = true
    const { receivers } = two.toolstack
    const receive = receivers.receive.bind(receivers)
    receivers.receive = (asked) => {
      if (isFull)
        throw new CrosspoolError('QUEUE_FULL', { host: 'two', limit: 1, from: 'all hosts' })
      return receive(asked)
    }
    const id = await begin('a')
    await cluster.clock.advance(10_000)
    isFull = false
    expect((await end(id)).state).toBe('succeeded')
  })

  it.each([
    ['has reached its limit', { host: 1, link: 9, peer: 9, sr: 9 }, 'all hosts'],
    ['takes no more from this source', { host: 9, link: 9, peer: 1, sr: 9 }, 'one host'],
  ])('are taken in turns by a destination that %s', async (_, tight, from) => {
    const { cluster, two, begin, end } = await start(['a', 'b'], { limits: tight })
    cluster.disks.holdSync(true)
    const first = await begin('a')
    await cluster.clock.advance(2_000)
    const [arriving] = await two.toolstack.receivers.list()
    expect(arriving?.state).toBe('reserved')
    const asked = await cluster.host('one').toolstack.receiveRequest('b', request)
    await expect(two.toolstack.receivers.receive(asked)).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      details: { limit: 1, from },
    })
    cluster.disks.holdSync(false)
    expect((await end(first)).state).toBe('succeeded')
  })
})

describe('two that want the same VM', () => {
  it('a second migration, an attempt by hand and a shutdown are refused', async () => {
    const { cluster, one, begin, end } = await start(['a'])
    cluster.disks.holdSync(true)
    const id = await begin('a')
    await cluster.clock.advance(1_000)
    const busy = { code: 'BUSY' }
    await expect(one.toolstack.migrate('a', request)).rejects.toMatchObject(busy)
    await expect(one.toolstack.destroyVm('a')).rejects.toMatchObject(busy)
    await one.toolstack.operations.cancel(id)
    expect((await end(id)).state).toBe('cancelled')
    await one.toolstack.destroyVm('a')
    expect(cluster.vms.presentAt('a')).toEqual([])
  })

  it('migrations that cross each other leave each VM in one place', async () => {
    const { cluster, one, two, begin, end } = await start(['a', 'b'])
    expect((await end(await begin('b'))).state).toBe('succeeded')
    const there = await begin('a')
    const back = await cluster.until(
      two.toolstack.migrate('b', { ...request, destination: 'http://one' }),
      'the beginning',
    )
    expect((await end(there)).state).toBe('succeeded')
    const ended = await cluster.until(two.toolstack.operations.wait(back.id), 'the migration')
    expect(ended.state).toBe('succeeded')
    expect([cluster.vms.presentAt('a'), cluster.vms.presentAt('b')]).toEqual([['two'], ['one']])
    expect(await one.toolstack.ownerships.list()).toMatchObject([
      { vm: 'a', state: 'released', settled: true },
      { vm: 'b', state: 'owned', settled: true },
    ])
  })
})

describe('a destination that is lost after the release', () => {
  it('leaves the VM standing, says why, and gives it back to who claims it', async () => {
    let isLost = false
    const { cluster, one, begin, end } = await start(['a'], {
      onCall: (_host, port, method) => {
        if (port === 'peer' && method === 'take') isLost = true
        if (isLost && port === 'peer')
          throw new CrosspoolError('PEER_UNREACHABLE', { url: 'http://two', reason: 'lost' })
      },
    })
    const guest = new SimulatedGuest(cluster, 'a', ['xvda'])
    const id = await begin('a')
    await cluster.clock.advance(60_000)
    expect(await one.toolstack.ownerships.list()).toMatchObject([
      { state: 'released', settled: false, decisions: ['claim'] },
    ])
    await expect(one.toolstack.operations.cancel(id)).rejects.toMatchObject({
      code: 'TOO_LATE_TO_CANCEL',
    })
    cluster.disks.cutLink('one', 'two')
    await one.toolstack.ownerships.decide('a', { decision: 'claim', sure: true })
    const ended = await end(id)
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'HANDOVER_REFUSED' } })
    expect((await one.toolstack.getVm('a')).state).toBe('running')
    await cluster.clock.advance(1_000)
    guest.stop()
    expect(guest.problems()).toEqual([])
    expect(await one.storage.listReplications()).toEqual([])
    expect(await one.toolstack.ownerships.list()).toMatchObject([
      { state: 'owned', epoch: 2, settled: true },
    ])
  })

  it('has nothing to claim before the release', async () => {
    const { cluster, one, begin, end } = await start(['a'])
    cluster.disks.holdSync(true)
    const id = await begin('a')
    await cluster.clock.advance(1_000)
    const claim = one.toolstack.ownerships.decide('a', { decision: 'claim', sure: true })
    await expect(claim).rejects.toMatchObject({ code: 'WRONG_STATE' })
    cluster.disks.holdSync(false)
    expect((await end(id)).state).toBe('succeeded')
  })
})

describe('patience', () => {
  it('lets a copy go on where it was when the link comes back', async () => {
    const { cluster, one, two } = await start(['a'])
    const guest = new SimulatedGuest(cluster, 'a', ['xvda'])
    cluster.disks.holdSync(true)
    const patient = { ...request, patienceMs: 3_600_000 }
    const { id } = await cluster.until(one.toolstack.migrate('a', patient), 'the beginning')
    await cluster.clock.advance(2_000)
    cluster.disks.cutLink('one', 'two')
    await cluster.clock.advance(600_000)
    expect((await one.toolstack.operations.get(id)).state).toBe('running')
    expect(await two.toolstack.receivers.list()).toMatchObject([{ state: 'reserved' }])
    cluster.disks.mendLink('one', 'two')
    cluster.disks.holdSync(false)
    const ended = await cluster.until(one.toolstack.operations.wait(id), 'the migration')
    guest.stop()
    expect(ended.state).toBe('succeeded')
    expect(guest.problems()).toEqual([])
  })
})

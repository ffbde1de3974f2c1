import { describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { CrosspoolError } from '../../src/model/errors.ts'
import { migrationDetailsOf } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts'
import { SimulatedGuest } from './simulated-guest.ts'

const vm = 'database'
const sharedSr = '11111111-1111-4111-8111-111111111111'

/** Two hosts of two pools that also reach a shared array; a VM with a local, an adopted and a shared disk. */
async function start(options: SimulatedClusterOptions = {}) {
  const cluster = new SimulatedCluster(options)
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  cluster.disks.array('san')
  cluster.disks.addVolume('san', { id: 'shared-disk', sizeBytes: 8 * MiB })
  cluster.disks.addVolume('admin', { id: 'adopted-disk', sizeBytes: 8 * MiB })
  const san = {
    id: sharedSr,
    name: 'san',
    type: 'simulated',
    configuration: { array: 'san', shared: true, canCreate: false },
  }
  await Promise.all([one.storage.createSr(san), two.storage.createSr(san)])
  await one.storage.createSr({
    name: 'admin',
    type: 'simulated',
    configuration: { array: 'admin' },
  })
  const srs = await one.storage.listSrs()
  const srNamed = (name: string) => srs.find((sr) => sr.name === name)?.id ?? ''
  const { id } = await one.storage.createVdi({
    sr: srNamed('local'),
    name: 'root',
    sizeBytes: 8 * MiB,
  })
  const managed = await activated(one.storage, id)
  const shared = await activated(one.storage, 'shared-disk')
  const [adopted] = await one.storage.listVdis({ sr: srNamed('admin') })
  await one.storage.attach(adopted?.id ?? '')
  const adoptedDevice =
    [...cluster.disks.kernel('one').attached].find(
      ([, volume]) => volume.id === 'adopted-disk',
    )?.[0] ?? ''
  await one.storage.detach(adopted?.id ?? '')
  const slots = { xvda: managed, xvdb: shared, xvdc: adoptedDevice }
  const disks = Object.entries(slots).map(([slot, device]) => ({ slot, device, readOnly: false }))
  cluster.vms.addVm('one', { id: vm, disks })
  return { cluster, one, two, managedVdi: id }
}

async function activated(
  storage: {
    attach(id: string): Promise<unknown>
    activate(id: string): Promise<{ device: string | null }>
  },
  id: string,
) {
  await storage.attach(id)
  const { device } = await storage.activate(id)
  if (!device) throw new Error('no device')
  return device
}

const failedSteps = ({ steps }: Operation) =>
  steps.filter(({ state }) => state !== 'done').map(({ name }) => name)

describe('a migration', () => {
  it.each([false, true])(
    'moves a VM with all kinds of disks (state after the handover: %s)',
    async (sendsAfterHandover) => {
      const { cluster, one, two, managedVdi } = await start({ sendsAfterHandover })
      const guest = new SimulatedGuest(cluster, vm, ['xvda', 'xvdb'])
      await cluster.clock.advance(200)
      const before = new Map(guest.acknowledged)
      const operation = await cluster.migrate(vm, 'one', 'two')
      await cluster.clock.advance(200)
      guest.stop()

      expect({
        state: operation.state,
        error: operation.error,
        left: failedSteps(operation),
      }).toEqual({ state: 'succeeded', error: null, left: [] })
      expect(cluster.vms.presentAt(vm)).toEqual(['two'])
      expect(guest.problems()).toEqual([])
      expect(guest.acknowledged.get('xvda')).toBeGreaterThan(before.get('xvda') ?? 0)
      expect([...cluster.vms.violations, ...cluster.disks.violations]).toEqual([])
      expect(await leftovers(one)).toEqual([])
      expect(await leftovers(two)).toEqual([])
      expect(await one.storage.listVdis()).not.toContainEqual(
        expect.objectContaining({ id: managedVdi }),
      )
      expect(operation.details).toMatchObject({
        epoch: 1,
        released: true,
        to: { pool: 'beta', host: 'two' },
      })
    },
  )

  it('goes there and back, the epoch growing', async () => {
    const { cluster, one } = await start()
    const guest = new SimulatedGuest(cluster, vm, ['xvda', 'xvdb'])
    expect((await cluster.migrate(vm, 'one', 'two')).state).toBe('succeeded')
    const back = await cluster.migrate(vm, 'two', 'one', { srMap: { '*': 'local' } })
    guest.stop()
    expect(back).toMatchObject({ state: 'succeeded', details: { epoch: 2 } })
    expect(guest.problems()).toEqual([])
    expect((await one.toolstack.getVm(vm)).epoch).toBe(2)
  })

  it('tells how long the writes of the guest take: before, meanwhile and after', async () => {
    const { cluster, one } = await start({
      onCall(host, port, method) {
        if (`${host} ${port} ${method}` === 'one storage deactivate') write('two', 500)
      },
    })
    const write = (host: string, us: number) =>
      cluster.vms.addWrites(host, vm, { slot: 'xvda', count: 10, tookUs: 10 * us })
    write('one', 400)
    cluster.disks.holdSync(true)
    const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const { id } = await cluster.until(one.toolstack.migrate(vm, request), 'the beginning')
    const seenUs = new Set<number | null | undefined>()
    one.toolstack.operations.watch(id, (operation) =>
      seenUs.add(migrationDetailsOf(operation)?.disks[0]?.writeLatency.nowUs),
    )
    for (const us of [1_200, 800]) {
      await cluster.clock.advance(1_500)
      write('one', us)
    }
    await cluster.clock.advance(3_000)
    cluster.disks.holdSync(false)
    const ended = await cluster.until(one.toolstack.operations.wait(id), 'the migration')
    expect([...seenUs]).toEqual(expect.arrayContaining([null, 1_200, 800]))
    expect(migrationDetailsOf(ended)?.disks.map(({ writeLatency }) => writeLatency)).toEqual([
      { nowUs: null, beforeUs: 400, duringUs: 1_000, afterUs: 500 },
      ...Array(2).fill({ nowUs: null, beforeUs: null, duringUs: null, afterUs: null }),
    ])
  })

  it('is refused by its preflight without having touched anything', async () => {
    const { cluster, one, two } = await start()
    const operation = await cluster.migrate(vm, 'one', 'two', { srMap: { xvda: 'nowhere' } })
    expect(operation).toMatchObject({
      state: 'failed',
      error: { code: 'PREFLIGHT_FAILED', details: { codes: 'NOT_FOUND' } },
    })
    expect(await two.toolstack.receivers.list()).toEqual([])
    expect((await one.storage.listReplications()).length).toBe(0)
  })

  it('is refused when the VM uses a volume beside the device that was made for it', async () => {
    const { cluster, managedVdi } = await start()
    const volumes = [...cluster.disks.kernel('one').attached]
    const device = volumes.find(([, volume]) => volume.id === managedVdi)?.[0] ?? ''
    const other = cluster.vms.addVm('one', {
      id: 'other',
      disks: [{ slot: 'xvda', device, readOnly: false }],
    })
    const operation = await cluster.migrate(other.id, 'one', 'two')
    expect(operation.error).toMatchObject({
      code: 'PREFLIGHT_FAILED',
      details: { codes: 'WRONG_STATE' },
    })
  })

  it('of an unknown VM, or to an unknown host, is refused at once', async () => {
    const { one } = await start()
    const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
    await expect(one.toolstack.migrate('nobody', request)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    await expect(
      one.toolstack.migrate(vm, { ...request, destination: 'nowhere' }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('can be cancelled while disks are copied; a second one is refused meanwhile', async () => {
    const { cluster, one, two } = await start()
    const guest = new SimulatedGuest(cluster, vm, ['xvda', 'xvdb'])
    cluster.disks.holdSync(true)
    const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const { id } = await cluster.until(one.toolstack.migrate(vm, request), 'the beginning')
    await cluster.clock.advance(3_000)
    await expect(one.toolstack.migrate(vm, request)).rejects.toMatchObject({ code: 'BUSY' })
    await one.toolstack.operations.cancel(id)
    const operation = await cluster.until(
      one.toolstack.operations.wait(id),
      'the cancelled migration',
    )
    guest.stop()
    expect(operation.state).toBe('cancelled')
    expect(cluster.vms.presentAt(vm)).toEqual(['one'])
    expect(guest.problems()).toEqual([])
    expect([await leftovers(one), await leftovers(two)]).toEqual([[], []])
  })

  it.each(['synchronise', 'memory'])(
    'gives up on both sides when the link is cut in %s',
    async (step) => {
      const { cluster, one, two } = await start()
      const guest = new SimulatedGuest(cluster, vm, ['xvda', 'xvdb'])
      if (step === 'synchronise') cluster.disks.holdSync(true)
      const request = {
        destination: 'http://two',
        srMap: {},
        networkMap: {},
        keepSourceDisks: false,
      }
      const { id } = await cluster.until(one.toolstack.migrate(vm, request), 'the beginning')
      if (step === 'memory') cluster.vms.injectFault('one', { name: 'send-hangs', fraction: 0.5 })
      await cluster.clock.advance(1_000)
      cluster.disks.cutLink('one', 'two')
      const operation = await cluster.until(one.toolstack.operations.wait(id), 'the migration')
      await cluster.clock.advance(30_000)
      guest.stop()
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'HEARTBEAT_LOST' } })
      expect(cluster.vms.presentAt(vm)).toEqual(['one'])
      expect(guest.problems()).toEqual([])
      expect(await two.toolstack.receivers.list()).toMatchObject([{ state: 'aborted' }])
      expect([await leftovers(one), await leftovers(two)]).toEqual([[], []])
    },
  )
})

describe('a fault of the hypervisor', () => {
  it.each([
    {
      at: 'one',
      fault: { name: 'send-fails', fraction: 0.5 },
      sendsAfterHandover: false,
      ends: 'one',
    },
    { at: 'two', fault: { name: 'receive-refused' }, sendsAfterHandover: false, ends: 'one' },
    { at: 'two', fault: { name: 'receive-fails' }, sendsAfterHandover: false, ends: 'one' },
    { at: 'two', fault: { name: 'start-refused' }, sendsAfterHandover: false, ends: 'one' },
    { at: 'two', fault: { name: 'start-refused' }, sendsAfterHandover: true, ends: 'one' },
    { at: 'one', fault: { name: 'finish-fails' }, sendsAfterHandover: true, ends: 'one' },
    { at: 'two', fault: { name: 'start-uncertain' }, sendsAfterHandover: false, ends: 'two' },
    { at: 'one', fault: { name: 'forget-fails' }, sendsAfterHandover: false, ends: 'two' },
  ] as const)(
    '$fault.name at $at (state after the handover: $sendsAfterHandover) ends at $ends',
    async ({ at, fault, sendsAfterHandover, ends }) => {
      const { cluster, one, two } = await start({ sendsAfterHandover })
      const guest = new SimulatedGuest(cluster, vm, ['xvda', 'xvdb'])
      await cluster.clock.advance(100)
      cluster.vms.injectFault(at, fault)
      const operation = await cluster.migrate(vm, 'one', 'two')
      await cluster.clock.advance(1_000)
      guest.stop()
      expect(operation.state).toBe(ends === 'two' ? 'succeeded' : 'failed')
      expect(cluster.vms.presentAt(vm)).toEqual([ends])
      expect(guest.problems()).toEqual([])
      expect([...cluster.vms.violations, ...cluster.disks.violations]).toEqual([])
      expect([await leftovers(one), await leftovers(two)]).toEqual([[], []])
    },
  )
})

/** Makes each call to a port fail once, at the source and at the destination: whatever fails, the laws hold. */
describe.each([false, true])(
  'whichever call fails once, the next try succeeds (state after the handover: %s)',
  async (sendsAfterHandover) => {
    const calls = await recordCalls(sendsAfterHandover)

    it('the calls of a migration are seen at all', () => {
      expect(calls.length).toBeGreaterThan(40)
    })

    it.each(calls.map((call, index) => ({ call, index })))('$index $call', async ({ index }) => {
      let count = 0
      let isArmed = false
      const { cluster, one, two } = await start({
        sendsAfterHandover,
        onCall: () => {
          if (!isArmed) return
          count += 1
          if (count === index + 1)
            throw new CrosspoolError('COMMAND_FAILED', {
              command: 'x',
              how: 'asked to',
              output: '',
            })
        },
      })
      const guest = new SimulatedGuest(cluster, vm, ['xvda', 'xvdb'])
      await cluster.clock.advance(100)
      isArmed = true
      const ended = await cluster.migrate(vm, 'one', 'two').catch(() => null)
      isArmed = false
      await cluster.clock.advance(60_000)
      if (ended?.state !== 'succeeded') {
        expect(cluster.vms.presentAt(vm)).toEqual(['one'])
        expect([await leftovers(one), await leftovers(two)]).toEqual([[], []])
        expect((await cluster.migrate(vm, 'one', 'two')).error).toBeNull()
        await cluster.clock.advance(1_000)
      }
      guest.stop()

      expect(cluster.vms.presentAt(vm)).toEqual(['two'])
      expect(guest.problems()).toEqual([])
      expect([...cluster.vms.violations, ...cluster.disks.violations]).toEqual([])
      expect([await leftovers(one), await leftovers(two)]).toEqual([[], []])
    })
  },
)

async function recordCalls(sendsAfterHandover: boolean): Promise<string[]> {
  const calls: string[] = []
  let isArmed = false
  const { cluster } = await start({
    sendsAfterHandover,
    onCall: (...call) => void (isArmed && calls.push(call.join(' '))),
  })
  isArmed = true
  await cluster.migrate(vm, 'one', 'two')
  return calls
}

/** What is there without a reason, or for a migration that has ended. */
async function leftovers({ storage }: { storage: SimulatedHostStorage }): Promise<unknown[]> {
  const [things, replications] = await Promise.all([
    storage.leftovers(),
    storage.listReplications(),
  ])
  return [...things.filter(({ reason }) => reason === null), ...replications]
}

type SimulatedHostStorage = Awaited<ReturnType<SimulatedCluster['addHost']>>['storage']

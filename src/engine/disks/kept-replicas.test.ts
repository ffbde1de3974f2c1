import { expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import {
  createSimulatedStorage,
  type SimulatedStorageHost,
} from '../../drivers/simulated/storage-manager.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { KeepMode } from '../../model/replication.ts'

const old = '11111111-1111-4111-8111-111111111111'
const now = '22222222-2222-4222-8222-222222222222'
const device = (vdi: string) => `/dev/mapper/crosspool-${vdi}`
const hourMs = 3_600_000
const modes: readonly KeepMode[] = ['every-write', 'difference']

/** A VM has gone from `alpha1`, where its old disk is, to `beta1`. Nothing has been told to keep yet. */
async function moved() {
  const clock = createSimulatedClock()
  const storage = createSimulatedStorage({ clock, random: systemRandom })
  const alpha = await storage.addHost('alpha1')
  const beta = await storage.addHost('beta1')
  for (const [host, id] of [
    [alpha, old],
    [beta, now],
  ] as const) {
    const sr = (await host.manager.listSrs())[0]?.id ?? ''
    await host.manager.createVdi({ id, sr, name: 'disk', sizeBytes: 64 * 1024 })
    await host.manager.attach(id)
    await host.manager.activate(id)
  }
  const { uri, replication } = await beta.manager.getReplicationTarget(now)
  await alpha.manager.replicateTo(old, uri)
  const the = { storage, clock, alpha, beta, replication }
  await synced(the)
  await handOver(the, [alpha, old], [beta, now])
  await beta.write(device(now), 1, 'before it was kept')
  return the
}
type Moved = Awaited<ReturnType<typeof moved>>
type Place = readonly [SimulatedStorageHost, string]

async function handOver({ replication }: Moved, from: Place, to: Place): Promise<void> {
  const disks = ([, vdi]: Place) => [{ vdi, replication }]
  await from[0].manager.armHandover(disks(from))
  await to[0].manager.armHandover(disks(to))
  await from[0].manager.releaseDisks(disks(from))
  await to[0].manager.takeDisks(disks(to))
}

async function synced({ clock, alpha, beta, replication }: Moved): Promise<void> {
  for (const { manager } of [alpha, beta]) {
    const isSynced = new Promise<void>((resolve) => {
      manager.watchReplication(replication, ({ state }) => {
        if (state === 'synced') resolve()
      })
    })
    await clock.advance(10_000)
    await isSynced
  }
}

async function keep(the: Moved, mode: KeepMode, forMs: number | null = null): Promise<void> {
  const wanted = { vm: 'vm-1', slot: 'vda', other: 'pool/host', mode, forMs }
  await the.beta.manager.keepReplication(the.replication, { ...wanted, side: 'source' })
  await the.alpha.manager.keepReplication(the.replication, { ...wanted, side: 'target' })
  await the.alpha.manager.deactivate(old)
}

async function beginAgain({ alpha, beta }: Moved): Promise<void> {
  const { uri } = await alpha.manager.getReplicationTarget(old)
  await alpha.manager.activate(old)
  await beta.manager.replicateTo(now, uri)
}

/** What a toolstack does once it can again; the disk must then be whole at `alpha1`. */
async function finish(the: Moved, mode: KeepMode, point: string): Promise<void> {
  const { alpha, beta, replication } = the
  const there = await beta.manager.listReplications()
  if (there.some(({ id }) => id === replication)) await keep(the, mode)
  else if ((await alpha.manager.getReplication(replication)).kept === null)
    await alpha.manager.keepReplication(replication, {
      ...{ vm: 'vm-1', slot: 'vda', other: 'pool/host', mode, forMs: null, side: 'target' },
    })
  await beta.write(device(now), 3, 'afterwards')
  await beginAgain(the)
  await synced(the)
  await handOver(the, [beta, now], [alpha, old])
  const blocks = [1, 2, 3].map((block) => alpha.read(device(old), block))
  expect(blocks, point).toEqual(['before it was kept', 'while it was kept', 'afterwards'])
  expect(the.storage.world.violations).toEqual([])
}

async function keepAndBegin(the: Moved, mode: KeepMode): Promise<void> {
  await keep(the, mode)
  await the.beta.write(device(now), 2, 'while it was kept')
  await beginAgain(the)
  await synced(the)
}

const crashes = modes.flatMap((mode) =>
  (['alpha', 'beta'] as const).map((name) => [mode, name] as const),
)

it.each(crashes)(
  '%s: has every write after a crash of the storage manager of %s, at whichever point',
  async (mode, name) => {
    const counted = await moved()
    const before = counted[name].faults.acts.length
    await keepAndBegin(counted, mode)
    const points = (counted[name].faults.acts.length - before) * 2
    expect(points).toBeGreaterThan(8)
    for (let point = 0; point < points; point += 1) {
      const the = await moved()
      the[name].faults.crashAfter(point)
      await keepAndBegin(the, mode).catch(() => {})
      expect(the[name].faults.hasCrashed, `point ${point}`).toBe(true)
      await the[name].restart()
      await the.beta.write(device(now), 2, 'while it was kept')
      await finish(the, mode, `point ${point}`)
    }
  },
)

it.each(modes)('%s: copies all of it when the host of the VM was started anew', async (mode) => {
  const the = await moved()
  await keep(the, mode)
  await the.beta.reboot()
  expect(await the.beta.manager.listReplications()).toEqual([])
  await the.beta.manager.attach(now)
  await the.beta.manager.activate(now)
  await the.beta.write(device(now), 2, 'while it was kept')
  await finish(the, mode, 'after a reboot')
})

it.each(modes)(
  '%s: copies all of it though the host of the replica fails at first',
  async (mode) => {
    const the = await moved()
    const { alpha, beta } = the
    await keep(the, mode)
    await beta.reboot()
    await beta.manager.attach(now)
    await beta.manager.activate(now)
    await beta.write(device(now), 2, 'while it was kept')
    alpha.faults.failNext('datapath.accept', new CrosspoolError('INTERNAL', { reference: 'test' }))
    await expect(beginAgain(the)).rejects.toThrow()
    await finish(the, mode, 'after a failure')
  },
)

it.each(modes)('%s: goes on when the host of the replica was started anew', async (mode) => {
  const the = await moved()
  await keep(the, mode)
  await the.alpha.reboot()
  await the.beta.write(device(now), 2, 'while it was kept')
  const { kept, state } = await the.alpha.manager.getReplication(the.replication)
  expect(kept).toMatchObject({ mode, isWhole: mode === 'difference' })
  expect(state).toBe(mode === 'difference' ? 'paused' : 'interrupted')
  await finish(the, mode, 'after a reboot')
})

it.each(['kept', 'begun again'])(
  'every-write: a replica that is %s comes up after a reboot in which its storage manager crashed, at whichever point',
  async (state) => {
    for (let point = 0; ; point += 1) {
      const the = await moved()
      const { alpha } = the
      await keep(the, 'every-write')
      if (state === 'begun again') await beginAgain(the)
      await alpha.reboot(point).catch(() => {})
      const { hasCrashed } = alpha.faults
      await alpha.restart()
      if (state === 'begun again') {
        await alpha.manager.keepReplication(the.replication)
        await the.beta.manager.keepReplication(the.replication)
      }
      await the.beta.write(device(now), 2, 'while it was kept')
      await finish(the, 'every-write', `point ${point}`)
      if (!hasCrashed) return expect(point).toBeGreaterThan(8)
    }
  },
)

it('tells since when a replica lacks writes, and that it is not whole while it catches up', async () => {
  const the = await moved()
  const { alpha, beta, storage, replication } = the
  await keep(the, 'every-write')
  await synced(the)
  const keptAt = async () => (await alpha.manager.getReplication(replication)).kept
  expect(await keptAt()).toMatchObject({ lackingSinceMs: null, isWhole: true })
  const cutMs = the.clock.now()
  storage.world.cutLink('alpha1', 'beta1')
  await beta.write(device(now), 2, 'not there')
  const cut = await keptAt()
  expect(cut?.isWhole).toBe(true)
  expect(cut?.lackingSinceMs).toBeGreaterThanOrEqual(cutMs)
  storage.world.holdSync(true)
  storage.world.mendLink('alpha1', 'beta1')
  expect(await keptAt()).toMatchObject({ lackingSinceMs: cut?.lackingSinceMs, isWhole: false })
  storage.world.cutLink('alpha1', 'beta1')
  expect(await keptAt()).toMatchObject({ isWhole: false })
  storage.world.holdSync(false)
  storage.world.mendLink('alpha1', 'beta1')
  await synced(the)
  expect(await keptAt()).toMatchObject({ lackingSinceMs: null, isWhole: true })
})

it('ends at its time also when it was started anew before, and not while it is begun again', async () => {
  const the = await moved()
  await keep(the, 'difference', hourMs)
  await the.alpha.restart()
  await the.beta.restart()
  await beginAgain(the)
  await synced(the)
  await the.clock.advance(hourMs)
  expect(await the.alpha.manager.listReplications()).toHaveLength(1)
  await the.beta.manager.keepReplication(the.replication)
  await the.alpha.manager.keepReplication(the.replication)
  for (const { manager } of [the.alpha, the.beta])
    await expect.poll(() => manager.listReplications()).toEqual([])
  expect(await the.alpha.manager.listVdis()).toEqual([])
  expect(await the.alpha.manager.leftovers()).toEqual([])
  await the.beta.write(device(now), 5, 'runs on')
})

it('does not end at its time when a VM may run on it again, though its host was started anew', async () => {
  const the = await moved()
  const { alpha, beta, replication } = the
  await keep(the, 'difference', hourMs)
  await beginAgain(the)
  await synced(the)
  await handOver(the, [beta, now], [alpha, old])
  await alpha.write(device(old), 6, 'after it came back')
  await alpha.reboot()
  await the.clock.advance(hourMs)
  await alpha.manager.stopReplication(replication, 'volume')
  await alpha.manager.attach(old)
  await alpha.manager.activate(old)
  expect(await alpha.read(device(old), 6)).toBe('after it came back')
})

it("gives an administrator's volume back when its replica ends", async () => {
  const the = await moved()
  const { alpha, storage, replication } = the
  const record = await alpha.store.get<{ readonly managed: boolean }>(`vdi/${old}`)
  const value = { ...record?.value, managed: false }
  await alpha.store.transact({ puts: [{ key: `vdi/${old}`, value }] })
  for (const array of storage.world.arrays.values()) {
    const volume = array.volumes.get(old)
    if (volume) array.volumes.set(old, { ...volume, managed: false })
  }
  await keep(the, 'every-write')
  await alpha.manager.stopReplication(replication, 'nothing')
  expect(await alpha.manager.listVdis()).toMatchObject([{ id: old, state: 'detached' }])
  expect(await alpha.store.list('vdi/')).toEqual([])
})

it('is found out if a provider forgets what differs', async () => {
  const the = await moved()
  await keep(the, 'difference')
  // Past the mirror, so that nobody notes it.
  the.beta.kernel.devices.get(now)?.volume.blocks.set(2, 'while it was kept')
  await expect(finish(the, 'difference', 'forgotten')).rejects.toThrow('forgotten')
})

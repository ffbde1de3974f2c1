import { expect, it } from 'vitest'
import { KiB, MiB } from '../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import { SimulatedCluster } from './simulated-cluster.ts'

const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }

type Limit = { readonly bytesPerSecondMax?: number }

/** A VM with two disks of 8 MiB, on its way with this limit. */
async function begun({ isHeld = false, ...limit }: { isHeld?: boolean } & Limit = {}) {
  const cluster = new SimulatedCluster()
  cluster.disks.holdSync(isHeld)
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  const sr = (await one.storage.listSrs())[0]?.id ?? ''
  const disks = []
  for (const slot of ['xvda', 'xvdb']) {
    const { id } = await one.storage.createVdi({ sr, name: slot, sizeBytes: 8 * MiB })
    await one.storage.attach(id)
    const { device } = await one.storage.activate(id)
    disks.push({ slot, device: device ?? '', readOnly: false })
  }
  cluster.vms.addVm('one', { id: 'vm', disks })
  const asked = one.toolstack.migrate('vm', { ...request, ...limit })
  const { id } = await cluster.until(asked, 'the beginning')
  const details = async () =>
    migrationDetailsSchema.parse((await one.toolstack.operations.get(id)).details)
  const left = async () => {
    const { disks: copied } = await details()
    return copied.reduce((sum, { outOfSyncBytes }) => sum + outOfSyncBytes, 0)
  }
  const end = () => cluster.until(one.toolstack.operations.wait(id), 'the migration')
  return { cluster, one, two, id, details, left, end }
}

it('copies the disks of a migration no faster than its limit, which they share', async () => {
  const { cluster, two, details, left, end } = await begun({ bytesPerSecondMax: 2 * MiB })
  await cluster.clock.advance(4_000)
  // 16 MiB, of which at most 2 MiB have gone in each second.
  expect(await left()).toBeGreaterThanOrEqual(8 * MiB)
  expect((await details()).bytesPerSecondMax).toBe(2 * MiB)
  const there = await two.storage.listReplications()
  expect(there.map(({ bytesPerSecondMax }) => bytesPerSecondMax)).toEqual([MiB, MiB])
  expect((await end()).state).toBe('succeeded')
})

it('changes the limit while it copies, on both sides', async () => {
  const { cluster, one, two, id, details, left, end } = await begun({ isHeld: true })
  await cluster.clock.advance(2_000)
  await one.toolstack.operations.limit(id, { bytesPerSecondMax: 512 * KiB })
  await cluster.clock.advance(2_000)
  const limits = async () => {
    const all = await Promise.all([one, two].map(({ storage }) => storage.listReplications()))
    return all.flat().map(({ bytesPerSecondMax }) => bytesPerSecondMax)
  }
  expect(await limits()).toEqual([256, 256, 256, 256].map((share) => share * KiB))
  cluster.disks.holdSync(false)
  const before = await left()
  await cluster.clock.advance(2_000)
  expect(before - (await left())).toBeLessThanOrEqual(2 * MiB)
  await one.toolstack.operations.limit(id, { bytesPerSecondMax: null })
  expect((await details()).bytesPerSecondMax).toBeNull()
  await cluster.clock.advance(2_000)
  expect(await limits()).toEqual([null, null, null, null])
  expect((await end()).state).toBe('succeeded')
})

it('refuses to limit an operation that has ended', async () => {
  const { one, id, end } = await begun()
  await end()
  const limit = one.toolstack.operations.limit(id, { bytesPerSecondMax: null })
  await expect(limit).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsOf } from '../../src/model/migration.ts'
import { measureMigration } from '../support/measured-migration.ts'
import { fillDisk } from './fill-disk.ts'
import { Playground } from './playground.ts'
import { tracesOf } from './traces.ts'

/** Real VMs and real mirrors in user space, which keep replicas by noting what differs. */
let playground: Playground
const sizeBytes = 256 * MiB

beforeAll(async () => {
  playground = await Playground.open()
})

afterAll(() => playground?.close())

it('a VM that has left its disk as a replica goes back by what differs', async () => {
  const before = await tracesOf(playground)
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const disk = await source.newDisk('raw', 'kept', sizeBytes)
  await fillDisk(source, disk, sizeBytes)
  const guest = playground.guest({ name: 'commuter', number: 150 })
  await guest.startOn(source, [disk])
  const keepReplica = { forMs: 3_600_000 }
  const there = await measureMigration(guest, source, destination, { keepReplica })
  expect(there.verdict.problems).toEqual([])
  expect(there.operation.details.keptDisks).toEqual([disk])
  expect(await source.toolstack.listReplicas()).toMatchObject([
    { vdi: disk, here: 'replica', other: 'beta/beta1', slot: 'vda' },
  ])
  await expect(source.storage.activate(disk)).rejects.toMatchObject({
    code: 'BUSY',
  })

  const back = await measureMigration(guest, destination, source)
  expect(back.verdict.problems).toEqual([])
  expect(await guest.vdis(source)).toEqual([disk])
  const first = migrationDetailsOf(there.operation)?.figures.bytesReplicated ?? 0
  const second = migrationDetailsOf(back.operation)?.figures.bytesReplicated ?? 0
  expect(first).toBeGreaterThanOrEqual(sizeBytes / 2)
  expect(second).toBeLessThan(first / 4)
  expect(await destination.storage.listReplications()).toEqual([])
  expect((await guest.end(source)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

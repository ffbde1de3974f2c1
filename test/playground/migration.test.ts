import { open } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsOf } from '../../src/model/migration.ts'
import { recordBytes, regionOffsetBytes } from '../lab/guest/record.ts'
import { measureMigration } from '../support/measured-migration.ts'
import { Playground } from './playground.ts'
import { tracesOf } from './traces.ts'

/** Real VMs, real mirrors, no root. Each test leaves the hosts as it found them. */
let playground: Playground

beforeAll(async () => {
  playground = await Playground.open()
})

afterAll(() => playground?.close())

const clean = { acknowledgedWritesLost: 0, guestIoErrors: 0, hypervisor: 'qemu' }

it('a running VM moves to another pool and back, with two disks of which one is thin', async () => {
  const before = await tracesOf(playground)
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const root = await source.newDisk('raw', 'root', 64 * MiB)
  const data = await source.newDisk('qcow2', 'data', 256 * MiB)
  const guest = playground.guest({ name: 'twodisks', number: 101 })
  await guest.startOn(source, [root, data])
  const running = await tracesOf(playground)

  const there = await measureMigration(guest, source, destination)
  expect(there.verdict.problems).toEqual([])
  expect(there.report).toMatchObject({
    ...{ ...clean, replication: 'nbd', disks: 2 },
    to: { pool: 'beta', host: 'beta1' },
  })
  const latency = { beforeUs: expect.any(Number), duringUs: expect.any(Number) }
  const disks = migrationDetailsOf(there.operation)?.disks
  expect(disks).toMatchObject(Array(2).fill({ writeLatency: latency }))
  const [, arrived = ''] = await guest.vdis(destination)
  // What the guest has never written takes no space there either.
  expect((await destination.storage.getVdi(arrived)).allocatedBytes).toBeLessThan(16 * MiB)
  const back = await measureMigration(guest, destination, source, {
    srMap: { vda: 'raw', vdb: 'qcow2' },
  })
  expect(back.verdict.problems).toEqual([])
  expect(back.report).toMatchObject({ ...clean, disks: 2, to: { pool: 'alpha', host: 'alpha1' } })
  // The same number of everything as before, under new names.
  const counts = (all: typeof running) =>
    all.map((host) => Object.values(host).map((entries) => entries.length))
  expect(counts(await tracesOf(playground))).toEqual(counts(running))

  expect((await guest.end(source)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

it('its memory may cross compressed', async () => {
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const guest = playground.guest({ name: 'packed', number: 105 })
  await guest.startOn(source, [await source.newDisk('raw', 'packed', 32 * MiB)])
  const { report, verdict, operation } = await measureMigration(guest, source, destination, {
    compressMemory: true,
  })
  expect(verdict.problems).toEqual([])
  expect(report).toMatchObject(clean)
  const { memory, figures } = migrationDetailsOf(operation) ?? {}
  expect(figures?.memoryBytesCrossed).toBeGreaterThan(MiB)
  expect(figures?.memoryBytesCrossed).toBeLessThan((memory?.sentBytes ?? 0) * 0.7)
  expect((await guest.end(destination)).problems).toEqual([])
})

it('the disks that it leaves may stay at the source, whole', async () => {
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const disk = await source.newDisk('qcow2', 'kept', 32 * MiB)
  const guest = playground.guest({ name: 'keeper', number: 103 })
  await guest.startOn(source, [disk])
  const { verdict, operation } = await measureMigration(guest, source, destination, {
    keepSourceDisks: true,
  })
  expect(verdict.problems).toEqual([])
  expect(operation.details.keptDisks).toEqual([disk])
  expect(await source.storage.getVdi(disk)).toMatchObject({ state: 'detached' })
  await source.storage.destroyVdi(disk)
  expect((await guest.end(destination)).problems).toEqual([])
})

it('a disk that has lost writes would be noticed', async () => {
  const source = playground.host('alpha1')
  const vdi = await source.newDisk('raw', 'lossy', 32 * MiB)
  const guest = playground.guest({ name: 'unlucky', number: 104 })
  await guest.startOn(source, [vdi])
  const images = await guest.images(source)
  await source.toolstack.destroyVm({ params: { vm: guest.name } })
  expect((await guest.judge(images)).problems).toEqual([])
  const file = await open(images[0]?.path ?? '', 'r+')
  await file.write(Buffer.alloc(recordBytes), 0, recordBytes, regionOffsetBytes + recordBytes)
  await file.close()
  const { problems, acknowledgedWritesLost } = await guest.judge(images)
  expect(problems).toEqual(['disk 0: record 1 was acknowledged and is lost'])
  expect(acknowledgedWritesLost).toBe(1)
  await source.storage.destroyVdi(vdi)
})

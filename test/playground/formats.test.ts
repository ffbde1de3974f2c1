import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { regionBytes, regionOffsetBytes } from '../lab/guest/record.ts'
import { measureMigration } from '../support/measured-migration.ts'
import { fillDisk } from './fill-disk.ts'
import { Playground } from './playground.ts'
import type { PlaygroundGuest } from './playground-guest.ts'
import type { PlaygroundHost } from './playground-host.ts'
import { readDisk } from './read-disk.ts'
import { tracesOf } from './traces.ts'

/** One guest walks so that every format is followed by every format, itself included. */
const walk = ['raw', 'qcow2', 'qcow2', 'vhd', 'vhd', 'raw', 'vhd', 'qcow2', 'raw', 'raw'] as const
const sizeBytes = 16 * MiB
const slots = 256

let playground: Playground
let guest: PlaygroundGuest
let content: Buffer
let here: PlaygroundHost
let there: PlaygroundHost
let before: Awaited<ReturnType<typeof tracesOf>>

beforeAll(async () => {
  playground = await Playground.open()
  here = playground.host('alpha1')
  there = playground.host('beta1')
  before = await tracesOf(playground)
  const vdi = await here.newDisk(walk[0], 'walker', sizeBytes)
  content = await fillDisk(here, vdi, sizeBytes)
  guest = playground.guest({ name: 'walker', number: 101 })
  await guest.startOn(here, [vdi])
})

afterAll(() => playground?.close())

const pairs = walk.slice(1).map((to, index) => [walk[index] ?? 'raw', to] as const)

it.each(pairs)('a disk goes from %s to %s', async (from, to) => {
  const [vdi = ''] = await guest.vdis(here)
  expect(await here.storage.getVdi(vdi)).toMatchObject({ format: from, sizeBytes })
  const { report, verdict } = await measureMigration(guest, here, there, {
    ...{ srMap: { '*': to }, keepSourceDisks: true },
  })
  expect(verdict.problems).toEqual([])
  expect(report).toMatchObject({ acknowledgedWritesLost: 0, guestIoErrors: 0, disks: 1 })
  const [arrived = ''] = await guest.vdis(there)
  expect(await there.storage.getVdi(arrived)).toMatchObject({ format: to, sizeBytes })

  // Outside of the guest's records, which go on, both hold what was there from the beginning.
  const disks = [await here.image(vdi), await there.image(arrived)]
  for (const image of disks) {
    const bytes = await readDisk(image)
    expect(bytes.length).toBe(sizeBytes)
    expect(withoutRecords(bytes).equals(withoutRecords(content))).toBe(true)
  }
  await here.storage.destroyVdi(vdi)
  ;[here, there] = [there, here]
})

it('and leaves nothing behind', async () => {
  expect((await guest.end(here)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

function withoutRecords(disk: Buffer): Buffer {
  const end = regionOffsetBytes + regionBytes(slots)
  return Buffer.concat([disk.subarray(0, regionOffsetBytes), disk.subarray(end)])
}

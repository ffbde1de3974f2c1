import { beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsOf } from '../../src/model/migration.ts'
import type { TestGuest } from '../lab/guest/test-guest.ts'
import { refreshAfter } from '../support/refresh-after.ts'
import { Cluster, type ClusterHost } from './cluster.ts'
import { endGuest } from './end-guest.ts'
import { migrateAndCheck } from './measured-migration.ts'
import { tracesOf } from './traces.ts'

/** What a migration can be asked for besides, by one VM on Xen hosts with DRBD. */
let source: ClusterHost
let destination: ClusterHost
let guest: TestGuest
let before: unknown
const sizeBytes = 64 * MiB
const traces = () => Promise.all([source, destination].map(tracesOf))

beforeAll(async () => {
  const cluster = await Cluster.open()
  source = cluster.host('alpha1')
  destination = cluster.host('beta1')
  before = await traces()
  const disk = await source.newDisk('files', 'options', sizeBytes)
  await source.lab.run(`dd if=/dev/urandom of=${disk.device} bs=1M seek=32 count=24 oflag=direct`)
  const disks = [`phy:${disk.device}`]
  guest = await cluster.startGuest(source, { name: 'options', number: 140, disks })
})

const deadline = { timeoutMs: 900_000, intervalMs: 2_000 }
const crosspool = (args: string) => source.lab.run(`crosspool ${args}`, { timeoutMs: 300_000 })

it('its replica is refreshed by a schedule, by what differs', async () => {
  await crosspool('replicate options --to beta/beta1 --every 1m')
  const first = await refreshAfter(source.toolstack, guest.name, 0, deadline)
  const { toolstack } = source
  const second = await refreshAfter(toolstack, guest.name, first.startedAtMs, deadline)
  console.log(JSON.stringify({ first, second }))
  expect(first.bytesReplicated).toBeGreaterThan(24 * MiB)
  expect(second.bytesReplicated).toBeLessThan(first.bytesReplicated / 4)
  await crosspool('replicate options --every never')
})

it('it goes to its replica and back, verified, its memory compressed', async () => {
  const wanted = { verify: true, compressMemory: true }
  const moves = [
    [source, destination, { ...wanted, keepReplica: { forMs: 3_600_000 } }],
    [destination, source, wanted],
  ] as const
  for (const [from, to, options] of moves) {
    const { report, verdict, operation } = await migrateAndCheck(guest, from, to, options)
    const { memory, figures, verification } = migrationDetailsOf(operation) ?? {}
    console.log(JSON.stringify({ report, memory, figures, verification }))
    expect(verdict.problems).toEqual([])
    expect(report).toMatchObject({ acknowledgedWritesLost: 0, guestIoErrors: 0, hypervisor: 'xen' })
    expect(report.bytesReplicated).toBeLessThan(12 * MiB)
    expect(verification).toMatchObject({ differentBytes: 0 })
    expect(figures?.memoryBytesCrossed).toBeGreaterThan(MiB)
    expect(figures?.memoryBytesCrossed).toBeLessThan((memory?.sentBytes ?? 0) * 0.9)
  }
})

it('nothing is left of it', async () => {
  await endGuest(guest, source)
  expect(await traces()).toEqual(before)
})

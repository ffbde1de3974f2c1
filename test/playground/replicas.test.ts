import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsOf } from '../../src/model/migration.ts'
import { measureMigration } from '../support/measured-migration.ts'
import { refreshAfter } from '../support/refresh-after.ts'
import { fillDisk } from './fill-disk.ts'
import { Playground } from './playground.ts'
import type { PlaygroundHost } from './playground-host.ts'
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

/** As its administrator does it, by the command. */
async function crosspool(host: PlaygroundHost, line: string): Promise<string> {
  const program = join(host.plan.programs, 'crosspool.mjs')
  const env = { CROSSPOOL_XAPI: host.sockets.xapi, CROSSPOOL_SM: host.sockets.sm }
  const { stdout } = await execa(process.execPath, [program, ...line.split(' ')], { env })
  return stdout
}

it('a replica is refreshed every minute, also by a xapi that was killed meanwhile, by what differs', async () => {
  const before = await tracesOf(playground)
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const disk = await source.newDisk('raw', 'refreshed', sizeBytes)
  await fillDisk(source, disk, sizeBytes)
  const guest = playground.guest({ name: 'pillar', number: 151 })
  await guest.startOn(source, [disk])
  const at = { params: { vm: guest.name } }
  const deadline = { timeoutMs: 180_000, intervalMs: 500 }

  await crosspool(source, `replicate ${guest.name} --to beta/beta1 --every 1m`)
  const first = await refreshAfter(source.toolstack, guest.name, 0, deadline)
  await source.xapi.kill()
  source.xapi.start()
  await source.waitUntilAnswering()
  const { toolstack } = source
  const second = await refreshAfter(toolstack, guest.name, first.startedAtMs, deadline)
  expect(first.bytesReplicated).toBeGreaterThanOrEqual(sizeBytes / 2)
  expect(second.bytesReplicated).toBeLessThan(first.bytesReplicated / 4)
  expect(second.startedAtMs - first.startedAtMs).toBeGreaterThanOrEqual(60_000)
  expect(await crosspool(source, 'replicas')).toMatch(/pillar +beta\/beta1 .* succeeded$/m)

  await crosspool(source, `replicate ${guest.name} --every never`)
  await expect(source.toolstack.getReplicaSchedule(at)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const there = await measureMigration(guest, source, destination)
  expect(there.verdict.problems).toEqual([])
  const last = migrationDetailsOf(there.operation)?.figures.bytesReplicated ?? 0
  expect(last).toBeLessThan(first.bytesReplicated / 4)
  expect((await guest.end(destination)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
}, 600_000)

it('a replica that is dropped where it is kept is refreshed no more, and the other host says so', async () => {
  const before = await tracesOf(playground)
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const disk = await source.newDisk('raw', 'unwanted', 16 * MiB)
  const guest = playground.guest({ name: 'unwanted', number: 152 })
  await guest.startOn(source, [disk])
  await crosspool(source, 'replicate unwanted --to beta1 --every 1m')
  expect(await crosspool(destination, 'replicas drop unwanted')).toContain(
    'here and at alpha/alpha1',
  )
  const { state, last } = await source.toolstack.getReplicaSchedule({ params: { vm: 'unwanted' } })
  expect({ state, code: last?.error?.code }).toEqual({ state: 'stopped', code: 'REPLICA_DROPPED' })
  expect(await source.toolstack.listReplicas()).toEqual([])
  await crosspool(source, 'replicate unwanted --every never')
  expect((await guest.end(source)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

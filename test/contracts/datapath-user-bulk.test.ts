import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { sleep } from '../../src/lib/sleep.ts'
import { MiB } from '../../src/lib/units.ts'
import type { MirrorStatus } from '../../src/ports/datapath.ts'
import {
  assertNothingLeft,
  begin,
  type DatapathFixture,
  handoverOf,
  type Mirrored,
  untilStatus,
  untilSynced,
} from './datapath.fixture.ts'
import { openNbd } from './nbd-guest.ts'
import { createTestLink, type TestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'
import {
  blockBytes,
  differingBlocks,
  makeMirrored,
  startWriters,
  userFixture,
} from './user-mirror.ts'

/**
 * The first copy of a disk, by storage daemons of QEMU, while the VM writes: so little that a block that
 * was forgotten is not soon written again.
 */
const diskBytes = 48 * MiB

let link: TestLink
let source: UserDatapathHost
let target: UserDatapathHost
let fixture: DatapathFixture
let mirrored: Mirrored
vi.setConfig({ testTimeout: 120_000 })

beforeEach(async () => {
  link = createTestLink()
  source = await createUserDatapathHost('s', link)
  target = await createUserDatapathHost('t', link)
  fixture = userFixture(source, target, link, 60_000)
  mirrored = await makeMirrored(source, target, diskBytes)
})

afterEach(async () => {
  await Promise.all([source.dispose(), target.dispose()])
  link.close()
})

async function fill(bytes: number): Promise<void> {
  const client = await openNbd(mirrored.sourcePath)
  for (let offset = 0; offset < bytes; offset += MiB) await client.write(offset, randomBytes(MiB))
  client.close()
}

async function beginSlowly(bytesPerSecondMax: number): Promise<void> {
  await begin(fixture, mirrored)
  await source.datapath.limit(mirrored.sourceMirror, bytesPerSecondMax)
  const isCopying = ({ state, outOfSyncBytes }: MirrorStatus) =>
    state === 'syncing' && outOfSyncBytes > 0
  await untilStatus(source, mirrored.sourceMirror, isCopying, fixture.deadlineMs)
}

/** The VM is held, and everything is across. */
async function expectSame(): Promise<void> {
  await source.datapath.release(handoverOf([mirrored]).source)
  expect(await differingBlocks(mirrored)).toEqual([])
  await source.datapath.reclaim(handoverOf([mirrored]).source)
  await source.datapath.close(mirrored.sourceMirror, 'volume')
  await target.datapath.close(mirrored.targetMirror, 'nothing')
  await assertNothingLeft(fixture, [mirrored])
}

it.each([
  ['at once', async () => {}],
  ['though our daemon is started anew', () => source.restart()],
])('copies what the VM writes meanwhile, %s', async (_how, interrupt) => {
  await fill(diskBytes)
  const guests = startWriters(mirrored, 4, 40)
  await beginSlowly(16 * MiB)
  await interrupt()
  await sleep(300)
  await source.datapath.limit(mirrored.sourceMirror, null)
  await untilSynced(fixture, mirrored)
  await sleep(200)
  expect(await guests.stop()).toBeGreaterThan(10)
  await expectSame()
})

it('comes to its end though the VM writes faster than it copies', async () => {
  await fill(diskBytes)
  const guests = startWriters(mirrored, 2, 5)
  await beginSlowly(8 * MiB)
  await untilSynced(fixture, mirrored)
  expect(await guests.stop()).toBeGreaterThan(10)
  await expectSame()
})

it('ends the first copy as soon as everything was copied once', async () => {
  const usedBytes = 4 * MiB
  await fill(usedBytes)
  const inUse = { ...mirrored, sourceDisk: { ...mirrored.sourceDisk, sizeBytes: usedBytes } }
  const guests = startWriters(inUse, 2, 5)
  await beginSlowly(2 * MiB)
  const isSynced = ({ state }: MirrorStatus) => state === 'synced'
  const atEnd = [source, mirrored.sourceMirror, isSynced, fixture.deadlineMs] as const
  const { sentBytes } = await untilStatus(...atEnd)
  expect(await guests.stop()).toBeGreaterThan(10)
  // Holes count too. Besides them: what the VM has written to, once in each of the copies.
  expect(sentBytes).toBeLessThan(diskBytes + 4 * usedBytes)
  await expectSame()
})

it('lets the VM write while nothing comes through, and is never called in step with that', async () => {
  await fill(diskBytes)
  await beginSlowly(MiB)
  const seen: MirrorStatus['state'][] = []
  const stop = source.datapath.watch(mirrored.sourceMirror, ({ state }) => seen.push(state))
  link.cut()
  const client = await openNbd(mirrored.sourcePath)
  for (let block = 0; block < 8; block += 1)
    await client.write(block * 4 * MiB, randomBytes(blockBytes))
  // A write that waited for the other side would have been freed by the end of the mirror alone.
  expect(new Set(seen)).toEqual(new Set(['syncing']))
  client.close()
  await expect(source.datapath.release(handoverOf([mirrored]).source)).rejects.toMatchObject({
    code: 'REPLICATION_LOST',
  })
  link.mend()
  await source.datapath.limit(mirrored.sourceMirror, null)
  await untilSynced(fixture, mirrored)
  stop()
  await expectSame()
})

import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { granularityBytes } from '../../src/drivers/datapath-user/bitmaps.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { MiB } from '../../src/lib/units.ts'
import type { Disk } from '../../src/ports/datapath.ts'
import {
  assertNothingLeft,
  begin,
  type DatapathFixture,
  handoverOf,
  type Mirrored,
  untilStatus,
  untilSynced,
} from './datapath.fixture.ts'
import { withNbd } from './nbd-guest.ts'
import { createTestLink, type TestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'
import {
  blockBytes,
  differingBlocks,
  makeMirrored,
  startWriters,
  turned,
  userFixture,
} from './user-mirror.ts'

/** Replicas of storage daemons: both images are compared, and what the link has carried is counted. */
const diskBytes = 32 * MiB
const filledBytes = 12 * MiB

let link: TestLink
vi.setConfig({ testTimeout: 120_000 })

/** Where the VM is, and the other one. */
let here: UserDatapathHost
let there: UserDatapathHost
let mirrored: Mirrored

beforeEach(async () => {
  link = createTestLink()
  here = await createUserDatapathHost('s', link)
  there = await createUserDatapathHost('t', link)
})

afterEach(async () => {
  await Promise.all([here.dispose(), there.dispose()])
  link.close()
})

function fixture(): DatapathFixture {
  return userFixture(here, there, link, 20_000)
}

/** A mirror of a disk with some noise, both sides the same. */
async function mirror(from: Disk['format'] = 'raw', to: Disk['format'] = 'raw'): Promise<void> {
  mirrored = await makeMirrored(here, there, diskBytes, { from, to })
  await withNbd(mirrored.sourcePath, async (client) => {
    for (let offset = 0; offset < filledBytes; offset += MiB)
      await client.write(offset, randomBytes(MiB))
  })
  await begin(fixture(), mirrored)
  await untilSynced(fixture(), mirrored)
}

/** The VM moves, and what it left becomes the replica. */
async function moveAndKeep(): Promise<void> {
  await handOver()
  turn()
  await keep()
}

async function handOver(): Promise<void> {
  const disks = handoverOf([mirrored])
  await here.datapath.arm(disks.source)
  await there.datapath.arm(disks.target)
  await here.datapath.release(disks.source)
  await there.datapath.take(disks.target)
}

function turn(): void {
  mirrored = turned(mirrored)
  const host = here
  here = there
  there = host
}

async function keep(): Promise<void> {
  await here.datapath.keep(mirrored.sourceMirror, 'difference')
  await there.datapath.keep(mirrored.targetMirror, 'difference')
}

async function beginAgain(): Promise<void> {
  await there.datapath.offer(mirrored.targetMirror)
  await begin(fixture(), mirrored)
}

/** Bytes that the link has carried for it. */
async function synchronise(): Promise<number> {
  const before = link.carriedBytes()
  await beginAgain()
  await untilSynced(fixture(), mirrored)
  return link.carriedBytes() - before
}

async function change(...offsets: readonly number[]): Promise<void> {
  await withNbd(mirrored.sourcePath, async (client) => {
    for (const offset of offsets) await client.write(offset, randomBytes(blockBytes))
  })
}

/** The VM is held, everything is across, and both images say the same. */
async function expectSame(): Promise<void> {
  await here.datapath.release(handoverOf([mirrored]).source)
  expect(await differingBlocks(mirrored)).toEqual([])
  await here.datapath.reclaim(handoverOf([mirrored]).source)
}

/** One that may just be starting. */
async function kill(...path: readonly string[]): Promise<void> {
  const attempt = async () => {
    const pid = await readFile(join(...path, 'pid'), 'utf8').catch(() => '')
    if (pid === '') return 'not there'
    const { exitCode } = await systemCommandRunner.probe('kill', ['-KILL', pid.trim()])
    return exitCode === 0 ? 'killed' : 'not there'
  }
  await expect.poll(attempt, { timeout: 10_000 }).toBe('killed')
}

const storageDaemon = (host: UserDatapathHost, { vdi }: Disk) => [host.directory, 'disks', vdi]

describe('a replica', () => {
  it.each([
    ['raw', 'raw'],
    ['qcow2', 'raw'],
    ['vhd', 'qcow2'],
  ] as const)('is brought up to date by what differs, there and back: %s, %s', async (from, to) => {
    await mirror(from, to)
    await moveAndKeep()
    for (const offset of [20 * MiB, diskBytes - blockBytes]) {
      await change(offset, filledBytes)
      expect(await synchronise()).toBeLessThan(MiB)
      await expectSame()
      await moveAndKeep()
    }
    await here.datapath.close(mirrored.sourceMirror, 'volume')
    await there.datapath.close(mirrored.targetMirror, 'nothing')
    await assertNothingLeft(fixture(), [mirrored])
  })

  it('is refreshed while the VM stays and writes, again and again, and never has an old block', async () => {
    await mirror()
    for (let time = 0; time < 3; time += 1) {
      const guests = startWriters(mirrored, 4)
      await sleep(100)
      await keep()
      await sleep(100)
      await synchronise()
      expect(await guests.stop()).toBeGreaterThan(10)
      await expectSame()
    }
    await here.datapath.close(mirrored.sourceMirror, 'volume')
    await there.datapath.close(mirrored.targetMirror, 'nothing')
    await assertNothingLeft(fixture(), [mirrored])
  })

  it('takes no room for what has become zero', async () => {
    await mirror()
    await moveAndKeep()
    await withNbd(mirrored.sourcePath, async (client) => {
      await client.write(0, Buffer.alloc(4 * MiB))
      await client.discard(4 * MiB, 8 * MiB)
    })
    expect(await synchronise()).toBeLessThan(MiB)
    await expectSame()
    const { stdout } = await systemCommandRunner.run('du', ['-k', mirrored.targetDisk.volumePath])
    expect(Number.parseInt(stdout, 10)).toBeLessThan(2 * 1024)
  })

  it('outlives restarts of both daemons', async () => {
    await mirror()
    await moveAndKeep()
    await here.restart(() => change(0))
    await there.restart()
    await change(20 * MiB)
    const { outOfSyncBytes, reason } = await untilStatus(
      here,
      mirrored.sourceMirror,
      ({ outOfSyncBytes }) => outOfSyncBytes === 2 * 64 * 1024,
      5_000,
    )
    expect({ outOfSyncBytes, reason }).toEqual({ outOfSyncBytes: 128 * 1024, reason: null })
    expect(await synchronise()).toBeLessThan(MiB)
    await expectSame()
  })
})

describe('everything is copied', () => {
  it('when the storage daemon at the VM has died, with what it had recorded', async () => {
    await mirror()
    await moveAndKeep()
    await change(MiB)
    await kill(...storageDaemon(here, mirrored.sourceDisk))
    await change(2 * MiB)
    const isUnknown = ({ reason }: { reason: string | null }) => reason !== null
    const { outOfSyncBytes } = await untilStatus(here, mirrored.sourceMirror, isUnknown, 5_000)
    expect(outOfSyncBytes).toBe(diskBytes)
    expect(await synchronise()).toBeGreaterThan(filledBytes)
    await expectSame()
  })

  it('when the storage daemon at the replica has died, and others may have written to it', async () => {
    await mirror()
    await moveAndKeep()
    await there.restart(async () => {
      await kill(...storageDaemon(there, mirrored.targetDisk))
      const file = await open(mirrored.targetDisk.volumePath, 'r+')
      await file.write(randomBytes(blockBytes), 0, blockBytes, 3 * MiB)
      await file.close()
    })
    expect(await synchronise()).toBeGreaterThan(filledBytes)
    await expectSame()
  })

  it('when it died between the take and the keep', async () => {
    await mirror()
    await handOver()
    turn()
    await kill(...storageDaemon(here, mirrored.sourceDisk))
    await change(MiB)
    await keep()
    expect(await synchronise()).toBeGreaterThan(filledBytes)
    await expectSame()
  })
})

describe('copying a difference while the VM writes', () => {
  const spread = Array.from({ length: 100 }, (_, index) => index * 300 * 1024)

  it.each([
    ['the gateway of the target', () => kill(there.directory, 'mirrors', 'mirror-target')],
    ['the gateway of the source', () => kill(here.directory, 'mirrors', 'mirror-source')],
    ['the target', () => kill(...storageDaemon(there, mirrored.targetDisk))],
    ['our daemon at the source', () => here.restart()],
    ['our daemon at the target', () => there.restart()],
  ])('goes on after the end of %s', async (_what, interrupt) => {
    await mirror()
    for (const delayMs of [0, 80]) {
      await keep()
      await change(...spread)
      const guests = startWriters(mirrored, 3)
      await beginAgain()
      await sleep(delayMs)
      await interrupt()
      await sleep(300)
      await untilSynced(fixture(), mirrored)
      expect(await guests.stop()).toBeGreaterThan(10)
      await untilSynced(fixture(), mirrored)
      await expectSame()
    }
  })

  it('leaves the VM alone when the link stands still, and can be kept for later', async () => {
    await mirror()
    await moveAndKeep()
    await change(...spread)
    const guests = startWriters(mirrored, 3)
    await beginAgain()
    link.cut()
    await untilStatus(
      here,
      mirrored.sourceMirror,
      ({ state, reason }) => reason !== null && state !== 'synced',
      fixture().deadlineMs,
    )
    await keep()
    link.mend()
    await sleep(200)
    expect(await guests.stop()).toBeGreaterThan(10)
    await change(0)
    await synchronise()
    await expectSame()
  })

  it('keeps to its limit', async () => {
    await mirror()
    await moveAndKeep()
    await change(...spread)
    await there.datapath.offer(mirrored.targetMirror)
    const hello = await here.datapath.prepare(mirrored.sourceMirror)
    const welcome = await there.datapath.accept(mirrored.targetMirror, hello)
    const bytesPerSecondMax = 4 * MiB
    await here.datapath.limit(mirrored.sourceMirror, bytesPerSecondMax)
    const startedMs = performance.now()
    await here.datapath.start(mirrored.sourceMirror, welcome)
    await untilSynced(fixture(), mirrored)
    const copiedBytes = spread.length * granularityBytes
    const leastMs = (copiedBytes * 1000) / bytesPerSecondMax
    expect(performance.now() - startedMs).toBeGreaterThan(leastMs)
    await expectSame()
  })
})

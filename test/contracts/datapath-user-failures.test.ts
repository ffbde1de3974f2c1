import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { connectQmp } from '../../src/lib/qmp/qmp.ts'
import { MiB } from '../../src/lib/units.ts'
import type { Disk } from '../../src/ports/datapath.ts'
import {
  begin,
  type DatapathFixture,
  handoverOf,
  type Mirrored,
  sizeBytes,
  synced,
  untilStatus,
  untilSynced,
} from './datapath.fixture.ts'
import { parseNbdUri } from './nbd-guest.ts'
import { createTestLink, type TestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'
import { makeMirrored, userFixture } from './user-mirror.ts'

/** What only happens to storage daemons: they die, the link stands still, formats differ. */
let link: TestLink
let source: UserDatapathHost
let target: UserDatapathHost
let fixture: DatapathFixture

beforeEach(async () => {
  link = createTestLink()
  source = await createUserDatapathHost('s', link)
  target = await createUserDatapathHost('t', link)
  let ids = 0
  fixture = { ...userFixture(source, target, link, 15_000), newId: () => `mirror-${++ids}` }
})

afterEach(async () => {
  await Promise.all([source.dispose(), target.dispose()])
  link.close()
})

async function kill(folder: string, signal = 'KILL'): Promise<void> {
  const pid = (await readFile(join(folder, 'pid'), 'utf8')).trim()
  await systemCommandRunner.run('kill', [`-${signal}`, pid])
}

/** QEMU's own client, as a hypervisor uses it. */
async function qemuWrites(device: string, pattern: number, offset: string): Promise<string> {
  const { socket, name } = parseNbdUri(device)
  const options = `driver=nbd,server.type=unix,server.path=${socket},export=${name}`
  const waits = `${options},reconnect-delay=20,open-timeout=20`
  const command = `write -P ${pattern} ${offset} 64k`
  const { stdout } = await systemCommandRunner.run('qemu-io', [
    ...['--image-opts', waits, '-c', command, '-c', `read -P ${pattern} ${offset} 64k`],
  ])
  return stdout
}

/** Resolves when the mirror has been in each of these states, one after the other, from now on. */
function passesThrough({ sourceMirror }: Mirrored, ...states: readonly string[]): Promise<void> {
  const left = [...states]
  const watched = untilStatus(
    source,
    sourceMirror,
    ({ state }) => {
      if (state === left[0]) left.shift()
      return left.length === 0
    },
    fixture.deadlineMs,
  )
  return watched.then(() => {})
}

async function closeMirror({ sourceMirror, targetMirror }: Mirrored): Promise<void> {
  await source.datapath.close(sourceMirror, 'volume')
  await target.datapath.close(targetMirror, 'nothing')
}

/** Hash of the disk's bytes, whatever its format. */
async function contentOf({ volumePath, format }: Disk): Promise<string> {
  const raw = `${volumePath}.as-raw`
  const driver = format === 'vhd' ? 'vpc' : format
  await systemCommandRunner.run('qemu-img', [
    ...['convert', '-U', '-f', driver, '-O', 'raw', volumePath, raw],
  ])
  const content = await readFile(raw)
  return createHash('sha256').update(content.subarray(0, sizeBytes)).digest('hex')
}

const gatewayOf = ({ targetMirror }: Mirrored) =>
  join(target.directory, 'mirrors', `${targetMirror.id}-target`)

/** The mirror comes back, and has this. */
async function hasSynced(mirrored: Mirrored, sector: number, text: string): Promise<void> {
  await untilSynced(fixture, mirrored)
  expect(await target.read(mirrored.targetDisk.volumePath, sector)).toBe(text)
  await closeMirror(mirrored)
}

async function listens(server: Server, port: number): Promise<boolean> {
  const came = Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ])
  server.listen(port, '127.0.0.1')
  return await came
}

async function fillWithNoise(path: string, lengthBytes: number): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(randomBytes(lengthBytes), 0, lengthBytes, 0)
  await file.close()
}

describe('a storage daemon that is killed', () => {
  it("is started again, a VM's write waits for it, and the mirror begins anew", async () => {
    const mirrored = await synced(fixture)
    const syncedAnew = passesThrough(mirrored, 'interrupted', 'synced')
    await kill(join(source.directory, 'disks', mirrored.sourceDisk.vdi))
    expect(await qemuWrites(mirrored.sourcePath, 7, '1M')).toContain('wrote 65536/65536')
    await syncedAnew
    await closeMirror(mirrored)
    const [there, here] = [
      await contentOf(mirrored.targetDisk),
      await contentOf(mirrored.sourceDisk),
    ]
    expect(there).toBe(here)
  })

  it('at the target interrupts the mirror, does not disturb the VM, and is synced again', async () => {
    const mirrored = await synced(fixture)
    const syncedAnew = passesThrough(mirrored, 'interrupted', 'synced')
    await kill(join(target.directory, 'disks', mirrored.targetDisk.vdi))
    await source.write(mirrored.sourcePath, 9, 'goes on')
    await syncedAnew
    expect(await target.read(mirrored.targetDisk.volumePath, 9)).toBe('goes on')
    const syncedOnceMore = passesThrough(mirrored, 'interrupted', 'synced')
    await kill(gatewayOf(mirrored))
    await source.write(mirrored.sourcePath, 10, 'goes on again')
    await syncedOnceMore
    // The first interruption may have had an echo, and the write come before the second.
    await expect
      .poll(() => target.read(mirrored.targetDisk.volumePath, 10), { timeout: 10_000 })
      .toBe('goes on again')
    await closeMirror(mirrored)
  })

  it('while our own daemon is away is started again when that comes back', async () => {
    const disk = await source.makeDisk(sizeBytes)
    const device = await source.datapath.activate(disk)
    await source.write(device, 1, 'before')
    await source.restart(() => kill(join(source.directory, 'disks', disk.vdi)))
    expect(await source.read(device, 1)).toBe('before')
    await source.datapath.deactivate(disk)
  })
})

describe('a link that stands still', () => {
  it('holds the VM no longer than the deadline, and what it still carries does no harm later', async () => {
    const mirrored = await synced(fixture)
    const syncedAnew = passesThrough(mirrored, 'interrupted', 'synced')
    link.cut()
    const startedMs = performance.now()
    await source.write(mirrored.sourcePath, 20, 'old')
    expect(performance.now() - startedMs).toBeLessThan(2_500)
    await source.write(mirrored.sourcePath, 20, 'new')
    link.mend()
    await syncedAnew
    expect(await target.read(mirrored.targetDisk.volumePath, 20)).toBe('new')
    await closeMirror(mirrored)
  })

  it('lets nobody reclaim a released disk, as the target may have taken it, until it is mended', async () => {
    const mirrored = await synced(fixture)
    const disks = handoverOf([mirrored])
    await source.datapath.release(disks.source)
    link.cut()
    await expect(source.datapath.reclaim(disks.source)).rejects.toMatchObject({
      code: 'HANDOVER_REFUSED',
    })
    link.mend()
    await expect
      .poll(
        () =>
          source.datapath.reclaim(disks.source).then(
            () => 'reclaimed',
            () => 'refused',
          ),
        {
          timeout: 10_000,
        },
      )
      .toBe('reclaimed')
    await expect(target.datapath.take(disks.target)).rejects.toMatchObject({
      code: 'HANDOVER_REFUSED',
    })
    await source.write(mirrored.sourcePath, 4, 'runs on')
    await hasSynced(mirrored, 4, 'runs on')
  })

  it('in the middle of a release has it taken back', async () => {
    const mirrored = await synced(fixture)
    const disks = handoverOf([mirrored])
    await source.datapath.arm(disks.source)
    link.cut()
    await expect(source.datapath.release(disks.source)).rejects.toMatchObject({
      code: 'REPLICATION_LOST',
    })
    await source.write(mirrored.sourcePath, 6, 'runs on')
    link.mend()
    await hasSynced(mirrored, 6, 'runs on')
  })
})

describe('a gateway that offers nothing, as our daemon has ended before it could', () => {
  it('is replaced', async () => {
    const mirrored = await synced(fixture)
    const folder = gatewayOf(mirrored)
    const interrupted = passesThrough(mirrored, 'interrupted')
    await target.restart(async () => {
      const qmp = await connectQmp(join(folder, 'monitor'), 5_000)
      for (const id of ['data-1', 'role'])
        await qmp.execute('block-export-del', { id, mode: 'hard' })
      await interrupted
      qmp.close()
    })
    await source.write(mirrored.sourcePath, 8, 'afterwards')
    await hasSynced(mirrored, 8, 'afterwards')
  })
})

describe("a mirror's port", () => {
  it('that another program has got meanwhile is waited for, since the source knows of no other', async () => {
    const mirrored = await synced(fixture)
    const folder = gatewayOf(mirrored)
    const { port } = JSON.parse(await readFile(join(folder, 'mirror.json'), 'utf8'))
    const stranger = createServer()
    const interrupted = passesThrough(mirrored, 'interrupted')
    await target.restart(async () => {
      await kill(folder)
      await expect.poll(() => listens(stranger, port)).toBe(true)
    })
    await interrupted
    await source.write(mirrored.sourcePath, 8, 'meanwhile')
    stranger.close()
    await hasSynced(mirrored, 8, 'meanwhile')
  })
})

describe('a target whose disk answers too late', () => {
  it('has a release taken back, and the next one hands over whatever was written in between', async () => {
    const mirrored = await synced(fixture)
    const disks = handoverOf([mirrored])
    await source.datapath.arm(disks.source)
    await target.datapath.arm(disks.target)
    await source.write(mirrored.sourcePath, 1, 'before')
    const targetDaemon = join(target.directory, 'disks', mirrored.targetDisk.vdi)
    await kill(targetDaemon, 'STOP')
    await expect(source.datapath.release(disks.source)).rejects.toMatchObject({
      code: 'REPLICATION_LOST',
    })
    await kill(targetDaemon, 'CONT')
    for (let sector = 2; sector < 22; sector += 1) {
      await source.write(mirrored.sourcePath, sector, `after ${sector}`)
      await setTimeout(50)
    }
    await untilSynced(fixture, mirrored)
    await source.datapath.release(disks.source)
    await target.datapath.take(disks.target)
    for (let sector = 2; sector < 22; sector += 1)
      expect(await target.read(mirrored.targetPath, sector)).toBe(`after ${sector}`)
  })
})

describe('volumes of several formats', () => {
  it.each([
    ['raw', 'qcow2'],
    ['qcow2', 'vhd'],
    ['vhd', 'raw'],
  ] as const)('%s is handed over to %s', async (from, to) => {
    const mirrored = await makeMirrored(source, target, sizeBytes, { from, to })
    const { sourceDisk, targetDisk } = mirrored
    expect(await qemuWrites(mirrored.sourcePath, 3, '512k')).toContain('read 65536/65536')
    await begin(fixture, mirrored)
    await untilSynced(fixture, mirrored)
    expect(await qemuWrites(mirrored.sourcePath, 4, '3M')).toContain('read 65536/65536')
    const disks = handoverOf([mirrored])
    await source.datapath.release(disks.source)
    await target.datapath.take(disks.target)
    expect(await contentOf(targetDisk)).toBe(await contentOf(sourceDisk))
    expect(await qemuWrites(mirrored.targetPath, 5, '3M')).toContain('read 65536/65536')
  })
})

describe('a volume that two hosts reach', () => {
  it.each(['raw', 'qcow2'] as const)('%s: is open on one host at any time', async (format) => {
    const disk = await source.makeDisk(sizeBytes, format)
    const here = await source.datapath.activate(disk)
    const there = await target.datapath.activate(disk)
    const shared = [{ disk, mirror: null }]
    await source.write(here, 1, 'from the source')
    await expect(target.write(there, 2, 'too early')).rejects.toThrow()
    await source.datapath.arm(shared)
    await target.datapath.arm(shared)
    await expect(target.datapath.take(shared)).rejects.toMatchObject({ code: 'HANDOVER_REFUSED' })
    await source.datapath.release(shared)
    await source.datapath.reclaim(shared)
    await source.write(here, 1, 'reclaimed')
    await source.datapath.release(shared)
    await target.datapath.take(shared)
    await target.datapath.take(shared)
    expect(await target.read(there, 1)).toBe('reclaimed')
    expect(await target.read(there, 2)).toBe('')
    await target.write(there, 3, 'from the target')
    await expect(source.datapath.reclaim(shared)).rejects.toMatchObject({
      code: 'HANDOVER_REFUSED',
    })
    await source.datapath.deactivate(disk)
    await target.datapath.release(shared)
    expect(await source.datapath.activate(disk)).toBe(here)
    expect(await source.read(here, 3)).toBe('from the target')
    await source.datapath.deactivate(disk)
    await target.datapath.deactivate(disk)
  })
})

describe('a sparse disk', () => {
  it('sends its data and next to nothing of its holes', async () => {
    const large = { ...(await source.makeDisk(64 * MiB)) }
    const copy = await target.makeDisk(64 * MiB)
    await fillWithNoise(large.volumePath, MiB)
    const common = {
      id: fixture.newId(),
      scheme: 'nbd',
      secret: 'fedcba9876543210fedcba9876543210',
    }
    const mirrored: Mirrored = {
      ...{ sourceDisk: large, targetDisk: copy },
      sourceMirror: { ...common, side: 'source', end: 'source', disk: large },
      targetMirror: { ...common, side: 'target', end: 'target', disk: copy },
      sourcePath: await source.datapath.activate(large),
      targetPath: await target.datapath.activate(copy),
    }
    await target.datapath.offer(mirrored.targetMirror)
    await begin(fixture, mirrored)
    await untilSynced(fixture, mirrored)
    expect(link.carriedBytes()).toBeGreaterThan(MiB)
    expect(link.carriedBytes()).toBeLessThan(1.2 * MiB)
    const { stdout } = await systemCommandRunner.run('du', ['-k', copy.volumePath])
    expect(Number.parseInt(stdout, 10)).toBeLessThan(2 * 1024)
    await closeMirror(mirrored)
  })
})

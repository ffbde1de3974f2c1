import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { sleep } from '../../src/lib/sleep.ts'
import type { Disk } from '../../src/ports/datapath.ts'
import type { DatapathFixture, Mirrored } from './datapath.fixture.ts'
import { withNbd } from './nbd-guest.ts'
import type { TestLink } from './test-link.ts'
import type { UserDatapathHost } from './user-datapath-hosts.ts'

export const blockBytes = 4096

/** Two hosts and the link between them. */
export function userFixture(
  source: UserDatapathHost,
  target: UserDatapathHost,
  link: TestLink,
  deadlineMs: number,
): DatapathFixture {
  return {
    ...{ source, target, deadlineMs, newId: () => 'mirror' },
    ...{ cutLink: async () => link.cut(), mendLink: async () => link.mend() },
    ...{ pause: async () => {}, dispose: async () => {} },
  }
}

export interface MirrorFormats {
  readonly from: Disk['format']
  readonly to: Disk['format']
}

/** Both disks are active, and the target's is offered. */
export async function makeMirrored(
  source: UserDatapathHost,
  target: UserDatapathHost,
  diskBytes: number,
  { from, to }: MirrorFormats = { from: 'raw', to: 'raw' },
): Promise<Mirrored> {
  const sourceDisk = await source.makeDisk(diskBytes, from)
  const targetDisk = await target.makeDisk(diskBytes, to)
  const common = { id: 'mirror', scheme: 'nbd', secret: randomBytes(16).toString('hex') }
  const mirrored: Mirrored = {
    ...{ sourceDisk, targetDisk },
    sourceMirror: { ...common, side: 'source', end: 'source', disk: sourceDisk },
    targetMirror: { ...common, side: 'target', end: 'target', disk: targetDisk },
    sourcePath: await source.datapath.activate(sourceDisk),
    targetPath: await target.datapath.activate(targetDisk),
  }
  await target.datapath.offer(mirrored.targetMirror)
  return mirrored
}

/** After the VM has moved: the other way round. */
export function turned(mirrored: Mirrored): Mirrored {
  const { sourceDisk, targetDisk, sourceMirror, targetMirror, sourcePath, targetPath } = mirrored
  return {
    ...{ sourceDisk: targetDisk, targetDisk: sourceDisk },
    ...{ sourcePath: targetPath, targetPath: sourcePath },
    sourceMirror: { ...targetMirror, side: 'source' },
    targetMirror: { ...sourceMirror, side: 'target' },
  }
}

/** Numbers of the blocks in which the two images are not the same. Nobody may write meanwhile. */
export async function differingBlocks({ sourceDisk, targetDisk }: Mirrored): Promise<number[]> {
  const [one, other] = await Promise.all([contentOf(sourceDisk), contentOf(targetDisk)])
  const blockAt = (content: Buffer, index: number) =>
    content.subarray(index * blockBytes, (index + 1) * blockBytes)
  return Array.from({ length: sourceDisk.sizeBytes / blockBytes }, (_, index) => index).filter(
    (index) => !blockAt(one, index).equals(blockAt(other, index)),
  )
}

async function contentOf({ volumePath, format, sizeBytes }: Disk): Promise<Buffer> {
  const raw = `${volumePath}.as-raw`
  const driver = format === 'vhd' ? 'vpc' : format
  await systemCommandRunner.run('qemu-img', [
    ...['convert', '-U', '-f', driver, '-O', 'raw', volumePath, raw],
  ])
  return (await readFile(raw)).subarray(0, sizeBytes)
}

export interface Writers {
  /** How many were acknowledged; rejects when one was not. */
  stop(): Promise<number>
}

/** Guests that write to random blocks, each to its own, as fast as they are answered but for a pause. */
export function startWriters(
  { sourcePath, sourceDisk }: Pick<Mirrored, 'sourcePath' | 'sourceDisk'>,
  count: number,
  pauseMs = 0,
): Writers {
  const blocks = Math.floor(sourceDisk.sizeBytes / blockBytes / count)
  let isRunning = true
  const guests = Array.from({ length: count }, async (_, guest) => {
    let writes = 0
    while (isRunning)
      await withNbd(sourcePath, async (client) => {
        for (; isRunning; writes += 1) {
          const block = Math.floor(Math.random() * blocks) * count + guest
          await client.write(block * blockBytes, randomBytes(blockBytes))
          if (pauseMs) await sleep(pauseMs)
        }
      })
    return writes
  })
  const ended = Promise.allSettled(guests)
  return {
    async stop() {
      isRunning = false
      await ended
      const writes = await Promise.all(guests)
      return writes.reduce((sum, each) => sum + each, 0)
    },
  }
}

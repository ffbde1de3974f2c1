import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Datapath } from '../../src/ports/datapath.ts'
import {
  assertNothingLeft,
  type DatapathFixture,
  handoverOf,
  type Mirrored,
  synced,
  untilSynced,
} from './datapath.fixture.ts'
import { createTestLink, type TestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'

/** Our own daemon goes away in the middle of a handover, after so many milliseconds, and comes back. */
const momentsMs = [0, 10, 40] as const

let link: TestLink
let source: UserDatapathHost
let target: UserDatapathHost
let fixture: DatapathFixture
let mirrored: Mirrored
let disks: ReturnType<typeof handoverOf>

beforeEach(async () => {
  link = createTestLink()
  source = await createUserDatapathHost('s', link)
  target = await createUserDatapathHost('t', link)
  fixture = {
    ...{ source, target, deadlineMs: 15_000, newId: () => 'mirror' },
    ...{ cutLink: async () => {}, mendLink: async () => {}, pause: async () => {} },
    dispose: async () => {},
  }
  mirrored = await synced(fixture)
  disks = handoverOf([mirrored])
  await source.datapath.arm(disks.source)
  await target.datapath.arm(disks.target)
  await source.write(mirrored.sourcePath, 1, 'acknowledged')
})

afterEach(async () => {
  await Promise.all([source.dispose(), target.dispose()])
  link.close()
})

async function interrupt(
  host: UserDatapathHost,
  momentMs: number,
  act: (datapath: Datapath) => Promise<void>,
): Promise<void> {
  const under = act(host.datapath).catch(() => {})
  await setTimeout(momentMs)
  await host.restart()
  await under
}

async function outcomeOf(act: Promise<void>): Promise<string> {
  return await act.then(
    () => 'done',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'other'),
  )
}

describe.each(momentsMs)('a daemon that goes away after %d ms', (momentMs) => {
  it('of a release may release again, and the target takes', async () => {
    await interrupt(source, momentMs, (datapath) => datapath.release(disks.source))
    await source.datapath.arm(disks.source)
    await source.datapath.release(disks.source)
    await target.datapath.take(disks.target)
    expect(await target.read(mirrored.targetPath, 1)).toBe('acknowledged')
    await source.datapath.close(mirrored.sourceMirror, 'nothing')
    await target.datapath.close(mirrored.targetMirror, 'volume')
    await assertNothingLeft(fixture, [mirrored])
  })

  it('of a release may reclaim, and then the target does not take', async () => {
    await interrupt(source, momentMs, (datapath) => datapath.release(disks.source))
    await source.datapath.arm(disks.source)
    await source.datapath.reclaim(disks.source)
    await source.write(mirrored.sourcePath, 2, 'runs on')
    expect(await outcomeOf(target.datapath.take(disks.target))).toBe('HANDOVER_REFUSED')
    await untilSynced(fixture, mirrored)
    expect(await target.read(mirrored.targetDisk.volumePath, 2)).toBe('runs on')
  })

  it('of a take, while the source reclaims: never both', async () => {
    await source.datapath.release(disks.source)
    const reclaimed = outcomeOf(source.datapath.reclaim(disks.source))
    await interrupt(target, momentMs, (datapath) => datapath.take(disks.target))
    const taken = await outcomeOf(target.datapath.take(disks.target))
    expect([await reclaimed, taken]).toContain('HANDOVER_REFUSED')
    if (taken === 'done') {
      expect(await target.read(mirrored.targetPath, 1)).toBe('acknowledged')
      expect(await outcomeOf(source.datapath.reclaim(disks.source))).toBe('HANDOVER_REFUSED')
    } else {
      await source.datapath.reclaim(disks.source)
      await source.write(mirrored.sourcePath, 2, 'runs on')
      expect(await outcomeOf(target.datapath.take(disks.target))).toBe('HANDOVER_REFUSED')
    }
  })
})

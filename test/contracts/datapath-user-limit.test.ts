import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sleep } from '../../src/lib/sleep.ts'
import { MiB } from '../../src/lib/units.ts'
import type { MirrorStatus } from '../../src/ports/datapath.ts'
import { begin, type DatapathFixture, offered, untilStatus } from './datapath.fixture.ts'
import { createTestLink, type TestLink } from './test-link.ts'
import { createUserDatapathHost, type UserDatapathHost } from './user-datapath-hosts.ts'
import { userFixture } from './user-mirror.ts'

let link: TestLink
let source: UserDatapathHost
let target: UserDatapathHost
let fixture: DatapathFixture

beforeEach(async () => {
  link = createTestLink()
  source = await createUserDatapathHost('s', link)
  target = await createUserDatapathHost('t', link)
  fixture = userFixture(source, target, link, 20_000)
})

afterEach(async () => {
  await Promise.all([source.dispose(), target.dispose()])
  link.close()
})

it('the storage daemon copies no faster than its limit, also after a restart of ours', async () => {
  const disk = await source.makeDisk(256 * MiB)
  await writeFile(disk.volumePath, randomBytes(256 * MiB))
  const device = await source.datapath.activate(disk)
  const makeDisk = target.makeDisk.bind(target)
  target.makeDisk = () => makeDisk(disk.sizeBytes)
  const mirrored = await offered(fixture, { disk, device })
  const left = async () => {
    const now = await untilStatus(source, mirrored.sourceMirror, () => true, fixture.deadlineMs)
    return now.outOfSyncBytes
  }
  await begin(fixture, mirrored)
  await source.datapath.limit(mirrored.sourceMirror, MiB)
  const isCopying = ({ state, outOfSyncBytes }: MirrorStatus) =>
    state === 'syncing' && outOfSyncBytes > 0
  await untilStatus(source, mirrored.sourceMirror, isCopying, fixture.deadlineMs)
  const before = await left()
  expect(before).toBeGreaterThan(0)
  await source.restart()
  await sleep(2_000)
  // QEMU sends 16 MiB at once and then waits; without a limit all of it would be across by now.
  expect(before - (await left())).toBeLessThanOrEqual(64 * MiB)
})

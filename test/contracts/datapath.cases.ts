import assert from 'node:assert/strict'
import type { Mirror } from '../../src/ports/datapath.ts'
import type { ContractCase } from './contract.ts'
import {
  assertNothingLeft,
  begin,
  type DatapathFixture,
  handoverOf,
  lastSector,
  offered,
  sizeBytes,
  synced,
  untilStatus,
  untilSynced,
  WritingGuest,
} from './datapath.fixture.ts'
import { datapathHandoverCases } from './datapath.handover-cases.ts'
import { datapathKeepCases } from './datapath.keep-cases.ts'
import { datapathRelocationCases } from './datapath.relocation-cases.ts'
import { expectCode } from './expect-code.ts'

const mirrorCases: readonly ContractCase<DatapathFixture>[] = [
  {
    name: 'gives a VM a device that leads to its volume',
    async run({ source }) {
      const disk = await source.makeDisk(sizeBytes)
      const path = await source.datapath.activate(disk)
      assert.equal(await source.datapath.activate(disk), path)
      await source.write(path, lastSector, 'the last sector')
      assert.equal(await source.read(disk.volumePath, lastSector), 'the last sector')
      const close = await source.hold(path)
      await expectCode('BUSY', source.datapath.deactivate(disk))
      await close()
      await source.datapath.deactivate(disk)
      await source.datapath.deactivate(disk)
      assert.deepEqual(
        (await source.datapath.inventory()).filter(({ owner }) => owner === disk.vdi),
        [],
      )
    },
  },
  {
    name: 'slides a mirror beneath a disk in use; every write ends up on both sides',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = await offered(fixture)
      await source.write(mirrored.sourcePath, lastSector, 'before')
      const close = await source.hold(mirrored.sourcePath)
      const guest = new WritingGuest(source, mirrored.sourcePath, [0, 8, 1000, lastSector - 1])
      await begin(fixture, mirrored)
      await untilSynced(fixture, mirrored)
      const { outOfSyncBytes, sentBytes } = await untilStatus(
        source,
        mirrored.sourceMirror,
        () => true,
        fixture.deadlineMs,
      )
      assert.equal(outOfSyncBytes, 0)
      assert.ok(sentBytes > 0)
      await guest.stop()
      for (const [host, disk] of [
        [source, mirrored.sourceDisk],
        [target, mirrored.targetDisk],
      ] as const) {
        await guest.assertOn(host, disk.volumePath)
        assert.equal(await host.read(disk.volumePath, lastSector), 'before')
      }
      await source.datapath.close(mirrored.sourceMirror, 'volume')
      await target.datapath.close(mirrored.targetMirror, 'nothing')
      await source.write(mirrored.sourcePath, 5, 'without the mirror')
      assert.equal(await source.read(mirrored.sourceDisk.volumePath, 5), 'without the mirror')
      await close()
      await assertNothingLeft(fixture, [mirrored])
    },
  },
  {
    name: 'may be told everything twice, by a daemon that was started anew',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = await offered(fixture)
      await target.datapath.offer(mirrored.targetMirror)
      await begin(fixture, mirrored)
      await source.restart()
      await target.restart()
      await begin(fixture, mirrored)
      await untilSynced(fixture, mirrored)
      await source.write(mirrored.sourcePath, 3, 'mirrored')
      assert.equal(await target.read(mirrored.targetDisk.volumePath, 3), 'mirrored')
      for (let time = 0; time < 2; time += 1) {
        await source.datapath.close(mirrored.sourceMirror, 'volume')
        await target.datapath.close(mirrored.targetMirror, 'nothing')
      }
      await assertNothingLeft(fixture, [mirrored])
    },
  },
  {
    name: 'makes the target the same as the source, whatever was on it',
    async run(fixture) {
      const { target } = fixture
      const sectors = [0, 2000, lastSector]
      const mirrored = await offered(fixture, undefined, async (path) => {
        for (const sector of sectors) await target.write(path, sector, 'old')
      })
      const { volumePath } = mirrored.targetDisk
      await begin(fixture, mirrored)
      await untilSynced(fixture, mirrored)
      for (const sector of sectors) assert.equal(await target.read(volumePath, sector), '')
    },
  },
  {
    name: 'can be limited and freed while it copies',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = await offered(fixture)
      await begin(fixture, mirrored)
      for (const limit of [256 * 1024, null]) {
        await target.datapath.limit(mirrored.targetMirror, limit)
        await source.datapath.limit(mirrored.sourceMirror, limit)
      }
      await untilSynced(fixture, mirrored)
      await source.write(mirrored.sourcePath, 3, 'mirrored')
      assert.equal(await target.read(mirrored.targetDisk.volumePath, 3), 'mirrored')
    },
  },
  {
    name: 'takes back what was begun and never came to a mirror',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = await offered(fixture)
      const hello = await source.datapath.prepare(mirrored.sourceMirror)
      await target.datapath.accept(mirrored.targetMirror, hello)
      await source.datapath.close(mirrored.sourceMirror, 'volume')
      await target.datapath.close(mirrored.targetMirror, 'nothing')
      await source.write(mirrored.sourcePath, 0, 'undisturbed')
      assert.equal(await source.read(mirrored.sourceDisk.volumePath, 0), 'undisturbed')
      await assertNothingLeft(fixture, [mirrored])
    },
  },
  {
    name: 'does not disturb the VM when the link breaks',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = await synced(fixture)
      const guest = new WritingGuest(source, mirrored.sourcePath, [1, 2, 3])
      await fixture.cutLink()
      const { reason } = await untilStatus(
        source,
        mirrored.sourceMirror,
        ({ state }) => state === 'interrupted',
        fixture.deadlineMs,
      ).finally(() => guest.stop())
      assert.ok(reason)
      const { source: disks } = handoverOf([mirrored])
      await source.datapath.arm(disks)
      await expectCode('REPLICATION_LOST', source.datapath.release(disks))
      await source.write(mirrored.sourcePath, 4, 'not released')
      await fixture.mendLink()
      await untilSynced(fixture, mirrored)
      await guest.assertOn(target, mirrored.targetDisk.volumePath)
      assert.equal(await target.read(mirrored.targetDisk.volumePath, 4), 'not released')
      await source.datapath.close(mirrored.sourceMirror, 'volume')
      await target.datapath.close(mirrored.targetMirror, 'nothing')
      await assertNothingLeft(fixture, [mirrored])
    },
  },
  {
    name: 'compares both sides, and the mirror is synchronous all the time',
    isFor: ({ source }) => source.datapath.capabilities.verifies,
    async run(fixture) {
      const { source, target } = fixture
      const { signal } = new AbortController()
      const mirrored = await synced(fixture)
      const guest = new WritingGuest(source, mirrored.sourcePath, [1, 2, 3])
      const states = new Set<string>()
      const stop = source.datapath.watch(mirrored.sourceMirror, ({ state }) => states.add(state))
      const result = await source.datapath.verify(mirrored.sourceMirror, signal)
      stop()
      await guest.stop()
      assert.deepEqual([...states], ['synced'])
      assert.deepEqual([result.comparedBytes, result.differentBytes], [sizeBytes, 0])
      await target.write(mirrored.targetDisk.volumePath, 2000, 'past the mirror')
      const again = await source.datapath.verify(mirrored.sourceMirror, signal)
      assert.ok(again.differentBytes > 0)
      await source.datapath.close(mirrored.sourceMirror, 'volume')
      await target.datapath.close(mirrored.targetMirror, 'nothing')
      await assertNothingLeft(fixture, [mirrored])
    },
  },
  {
    name: "mirrors a device of the administrator's and leaves it as it was",
    isFor: ({ source }) => source.makeAdoptable !== null,
    async run(fixture) {
      const { source, target } = fixture
      assert.ok(source.makeAdoptable)
      const { disk: found, device } = await source.makeAdoptable(sizeBytes)
      const before = await source.tableOf(device)
      const close = await source.hold(device)
      const path = await source.datapath.adopt(found, device)
      const disk = { ...found, adopted: path }
      const mirrored = await offered(fixture, { disk, device: path })
      const guest = new WritingGuest(source, device, [0, 100, lastSector])
      await begin(fixture, mirrored)
      await untilSynced(fixture, mirrored)
      await guest.stop()
      await guest.assertOn(target, mirrored.targetDisk.volumePath)
      await source.restart()
      await source.datapath.close(mirrored.sourceMirror, 'volume')
      await target.datapath.close(mirrored.targetMirror, 'nothing')
      await source.write(device, 7, 'as before')
      assert.equal(await source.tableOf(device), before)
      await close()
      await guest.assertOn(source, device)
      await assertNothingLeft(fixture, [mirrored])
      await expectCode('DISK_NOT_MAPPED', source.datapath.adopt(found, '/dev/no-such-device'))
    },
  },
  {
    name: "keeps a replica on a device of the administrator's, fenced until it ends",
    isFor: ({ source }) =>
      source.makeAdoptable !== null && source.datapath.capabilities.keeps.includes('every-write'),
    async run(fixture) {
      const { source, target } = fixture
      assert.ok(source.makeAdoptable)
      const { disk: found, device } = await source.makeAdoptable(sizeBytes)
      const before = await source.tableOf(device)
      const disk = { ...found, adopted: await source.datapath.adopt(found, device) }
      const mirrored = await offered(fixture, { disk, device })
      await begin(fixture, mirrored)
      await untilSynced(fixture, mirrored)
      const disks = handoverOf([mirrored])
      await source.datapath.arm(disks.source)
      await target.datapath.arm(disks.target)
      await source.datapath.release(disks.source)
      await target.datapath.take(disks.target)
      const replica: Mirror = { ...mirrored.sourceMirror, side: 'target' }
      await target.datapath.keep({ ...mirrored.targetMirror, side: 'source' }, 'every-write')
      await source.datapath.keep(replica, 'every-write')
      await source.datapath.deactivate(disk)
      await target.write(mirrored.targetPath, 6, 'on both')
      await assert.rejects(source.write(device, 7, 'fenced'))
      await source.datapath.close(replica, 'nothing')
      await target.datapath.close({ ...mirrored.targetMirror, side: 'source' }, 'volume')
      assert.equal(await source.tableOf(device), before)
      assert.equal(await source.read(device, 6), 'on both')
      await assertNothingLeft(fixture, [mirrored])
    },
  },
]

export const datapathCases: readonly ContractCase<DatapathFixture>[] = [
  ...mirrorCases,
  ...datapathHandoverCases,
  ...datapathKeepCases,
  ...datapathRelocationCases,
  {
    name: 'discards what an owner has left behind, and only that',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = await offered(fixture)
      const kept = await source.makeDisk(sizeBytes)
      const keptPath = await source.datapath.activate(kept)
      await begin(fixture, mirrored)
      await untilSynced(fixture, mirrored)
      await target.datapath.discard(mirrored.targetMirror.id)
      await target.datapath.discard(mirrored.targetDisk.vdi)
      await source.datapath.close(mirrored.sourceMirror, 'volume')
      await source.write(mirrored.sourcePath, 1, 'undisturbed')
      await source.datapath.discard('unknown')
      await source.write(keptPath, 1, 'kept')
      await source.datapath.deactivate(kept)
      await assertNothingLeft(fixture, [mirrored])
    },
  },
]

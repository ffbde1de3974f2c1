import assert from 'node:assert/strict'
import type { HandoverDisk } from '../../src/ports/datapath.ts'
import type { ContractCase } from './contract.ts'
import {
  assertNothingLeft,
  begin,
  type DatapathFixture,
  type DatapathHost,
  handoverOf,
  type Mirrored,
  offered,
  sizeBytes,
  synced,
  untilStatus,
  untilSynced,
  WritingGuest,
} from './datapath.fixture.ts'
import { expectCode } from './expect-code.ts'

/** A write that may be held back. */
function lateWrite(host: DatapathHost, path: string, sector: number) {
  const late = { outcome: 'waiting', ended: Promise.resolve() }
  late.ended = host.write(path, sector, 'late').then(
    () => {
      late.outcome = 'written'
    },
    () => {
      late.outcome = 'failed'
    },
  )
  return late
}

async function armBoth(fixture: DatapathFixture, mirrored: readonly Mirrored[]) {
  const disks = handoverOf(mirrored)
  await fixture.source.datapath.arm(disks.source)
  await fixture.target.datapath.arm(disks.target)
  return disks
}

/** The VM runs at the target: the mirror is taken out on both sides. */
async function closeAfterHandover(fixture: DatapathFixture, mirrored: readonly Mirrored[]) {
  for (const { sourceMirror, targetMirror } of mirrored) {
    await fixture.source.datapath.close(sourceMirror, 'nothing')
    await fixture.target.datapath.close(targetMirror, 'volume')
  }
}

export const datapathHandoverCases: readonly ContractCase<DatapathFixture>[] = [
  {
    name: 'what the target has taken is on its disk, also what the guest had flushed before it was copied',
    isFor: ({ target }) => target.losePower !== undefined,
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = await offered(fixture)
      await source.write(mirrored.sourcePath, 10, 'before')
      await begin(fixture, mirrored)
      await untilSynced(fixture, mirrored)
      const disks = await armBoth(fixture, [mirrored])
      await source.write(mirrored.sourcePath, 20, 'after')
      await source.datapath.release(disks.source)
      await target.datapath.take(disks.target)
      target.losePower?.()
      assert.equal(await target.read(mirrored.targetDisk.volumePath, 10), 'before')
      assert.equal(await target.read(mirrored.targetDisk.volumePath, 20), 'after')
    },
  },
  {
    name: 'hands several disks over: what was acknowledged is there, and what comes late is not written',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = [await synced(fixture), await synced(fixture)]
      const guests = mirrored.map(
        ({ sourcePath }) => new WritingGuest(source, sourcePath, [10, 20, 30]),
      )
      const backends = await Promise.all([
        ...mirrored.map(({ sourcePath }) => source.hold(sourcePath)),
        ...mirrored.map(({ targetPath }) => target.hold(targetPath)),
      ])
      const disks = await armBoth(fixture, mirrored)
      await Promise.all(guests.map((guest) => guest.stop()))
      await source.datapath.release(disks.source)
      const late = mirrored.map(({ sourcePath }) => lateWrite(source, sourcePath, 40))
      await target.datapath.take(disks.target)
      for (const [
        index,
        { targetPath, sourceDisk, targetDisk, sourceMirror },
      ] of mirrored.entries()) {
        await guests[index]?.assertOn(target, targetPath)
        await target.write(targetPath, 50, 'written at the target')
        assert.equal(await target.read(targetDisk.volumePath, 50), 'written at the target')
        assert.equal(await source.read(sourceDisk.volumePath, 40), '')
        const { state } = await untilStatus(
          source,
          sourceMirror,
          (status) => status.state === 'handed-over',
          fixture.deadlineMs,
        )
        assert.equal(state, 'handed-over')
      }
      assert.deepEqual(
        late.map(({ outcome }) => outcome),
        ['waiting', 'waiting'],
      )
      await closeAfterHandover(fixture, mirrored)
      await Promise.all(late.map(({ ended }) => ended))
      assert.deepEqual(
        late.map(({ outcome }) => outcome),
        ['failed', 'failed'],
      )
      for (const { sourceDisk, sourcePath, targetPath } of mirrored) {
        assert.equal(await source.read(sourceDisk.volumePath, 40), '')
        await assert.rejects(source.write(sourcePath, 41, 'fenced'))
        await target.write(targetPath, 60, 'without the mirror')
      }
      await Promise.all(backends.map((close) => close()))
      await assertNothingLeft(fixture, mirrored)
    },
  },
  {
    name: 'refuses to take what has not been released, and then nothing is writable at the target',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = [await synced(fixture), await synced(fixture)]
      const disks = await armBoth(fixture, mirrored)
      await expectCode('HANDOVER_REFUSED', target.datapath.take(disks.target))
      for (const [index, { sourcePath, targetDisk }] of mirrored.entries()) {
        await source.write(sourcePath, 9, `goes on ${index}`)
        assert.equal(await target.read(targetDisk.volumePath, 9), `goes on ${index}`)
      }
      // With one of two released, the other one alone is refused too, and nothing stays promoted.
      await source.datapath.release(disks.source.slice(0, 1))
      await expectCode('HANDOVER_REFUSED', target.datapath.take(disks.target))
      await source.datapath.reclaim(disks.source.slice(0, 1))
      for (const { sourcePath } of mirrored) await source.write(sourcePath, 9, 'again')
      for (const { sourceMirror, targetMirror } of mirrored) {
        await target.datapath.close(targetMirror, 'nothing')
        await source.datapath.close(sourceMirror, 'volume')
      }
      await assertNothingLeft(fixture, mirrored)
    },
  },
  {
    name: 'lets what was held back flow when the source reclaims, and can hand over afterwards',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = [await synced(fixture)]
      const [{ sourcePath, sourceDisk, targetDisk, targetPath }] = mirrored as [Mirrored]
      const disks = await armBoth(fixture, mirrored)
      await source.write(sourcePath, 1, 'before')
      await source.datapath.release(disks.source)
      const late = lateWrite(source, sourcePath, 2)
      await fixture.pause()
      assert.equal(late.outcome, 'waiting')
      await source.datapath.reclaim(disks.source)
      await late.ended
      assert.equal(late.outcome, 'written')
      await source.datapath.reclaim(disks.source)
      await source.write(sourcePath, 3, 'after')
      for (const [host, { volumePath }] of [
        [source, sourceDisk],
        [target, targetDisk],
      ] as const) {
        assert.equal(await host.read(volumePath, 1), 'before')
        assert.equal(await host.read(volumePath, 2), 'late')
        assert.equal(await host.read(volumePath, 3), 'after')
      }
      await armBoth(fixture, mirrored)
      await source.datapath.release(disks.source)
      await target.datapath.take(disks.target)
      assert.equal(await target.read(targetPath, 3), 'after')
      await closeAfterHandover(fixture, mirrored)
      await assertNothingLeft(fixture, mirrored)
    },
  },
  {
    name: 'does not let the source reclaim what the target has taken',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = [await synced(fixture)]
      const [{ targetPath, targetDisk }] = mirrored as [Mirrored]
      const disks = await armBoth(fixture, mirrored)
      await source.datapath.release(disks.source)
      await target.datapath.take(disks.target)
      await expectCode('HANDOVER_REFUSED', source.datapath.reclaim(disks.source))
      await target.write(targetPath, 1, 'runs at the target')
      assert.equal(await target.read(targetDisk.volumePath, 1), 'runs at the target')
      await closeAfterHandover(fixture, mirrored)
      await assertNothingLeft(fixture, mirrored)
    },
  },
  {
    name: 'releases and takes again after a crash of the daemon',
    async run(fixture) {
      const { source, target } = fixture
      const mirrored = [await synced(fixture)]
      const [{ sourcePath, targetPath }] = mirrored as [Mirrored]
      const disks = await armBoth(fixture, mirrored)
      await armBoth(fixture, mirrored)
      await source.write(sourcePath, 1, 'before')
      for (let time = 0; time < 2; time += 1) {
        await source.datapath.release(disks.source)
        await source.restart()
        await source.datapath.arm(disks.source)
      }
      for (let time = 0; time < 2; time += 1) {
        await target.datapath.take(disks.target)
        await target.restart()
        await target.datapath.arm(disks.target)
      }
      await target.write(targetPath, 2, 'after')
      assert.equal(await target.read(targetPath, 1), 'before')
      await closeAfterHandover(fixture, mirrored)
      await closeAfterHandover(fixture, mirrored)
      await assertNothingLeft(fixture, mirrored)
    },
  },
  {
    name: 'hands back: the mirror goes the other way with the roles exchanged',
    async run(fixture) {
      const { source, target } = fixture
      const there = [await synced(fixture)]
      const [first] = there as [Mirrored]
      const disks = await armBoth(fixture, there)
      await source.datapath.release(disks.source)
      await target.datapath.take(disks.target)
      await target.write(first.targetPath, 1, 'written at the target')
      await closeAfterHandover(fixture, there)
      await source.datapath.deactivate(first.sourceDisk)
      const path = await source.datapath.activate(first.sourceDisk)
      const id = fixture.newId()
      const back: Mirrored = {
        ...{ sourceDisk: first.targetDisk, targetDisk: first.sourceDisk },
        ...{ sourcePath: first.targetPath, targetPath: path },
        sourceMirror: { ...first.targetMirror, id, side: 'source', end: 'source' },
        targetMirror: { ...first.sourceMirror, id, side: 'target', end: 'target' },
      }
      const reversed = { ...fixture, source: target, target: source }
      await source.datapath.offer(back.targetMirror)
      await begin(reversed, back)
      await untilSynced(reversed, back)
      const returning = await armBoth(reversed, [back])
      await target.datapath.release(returning.source)
      await source.datapath.take(returning.target)
      assert.equal(await source.read(path, 1), 'written at the target')
      await closeAfterHandover(reversed, [back])
      await assertNothingLeft(reversed, [back])
    },
  },
  {
    name: 'holds the I/O to a disk that both hosts reach, and lets it flow or fail',
    async run({ source, pause }) {
      const disk = await source.makeDisk(sizeBytes)
      const path = await source.datapath.activate(disk)
      const shared: readonly HandoverDisk[] = [{ disk, mirror: null }]
      await source.datapath.arm(shared)
      await source.datapath.release(shared)
      const reclaimed = lateWrite(source, path, 1)
      await pause()
      assert.equal(reclaimed.outcome, 'waiting')
      await source.datapath.reclaim(shared)
      await reclaimed.ended
      assert.equal(await source.read(disk.volumePath, 1), 'late')
      await source.datapath.arm(shared)
      await source.datapath.release(shared)
      await source.datapath.release(shared)
      const lost = lateWrite(source, path, 2)
      await pause()
      // As where the destination is this host itself.
      await source.datapath.take(shared)
      await lost.ended
      assert.equal(lost.outcome, 'written')
      await source.datapath.arm(shared)
      await source.datapath.release(shared)
      const fenced = lateWrite(source, path, 3)
      await pause()
      await source.datapath.deactivate(disk)
      await fenced.ended
      assert.equal(fenced.outcome, 'failed')
      assert.equal(await source.read(disk.volumePath, 3), '')
      assert.deepEqual(
        (await source.datapath.inventory()).filter(({ owner }) => owner === disk.vdi),
        [],
      )
    },
  },
  {
    name: 'mirrors between two disks of one host',
    async run(fixture) {
      const here = { ...fixture, target: fixture.source }
      const mirrored = [await offered(here)]
      const [{ sourcePath, targetPath }] = mirrored as [Mirrored]
      await begin(here, mirrored[0] as Mirrored)
      await untilSynced(here, mirrored[0] as Mirrored)
      await here.source.write(sourcePath, 1, 'across')
      const disks = await armBoth(here, mirrored)
      await here.source.datapath.release(disks.source)
      await here.target.datapath.take(disks.target)
      assert.equal(await here.target.read(targetPath, 1), 'across')
      await closeAfterHandover(here, mirrored)
      await assertNothingLeft(here, mirrored)
    },
  },
]

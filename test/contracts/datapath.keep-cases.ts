import assert from 'node:assert/strict'
import type { KeepMode } from '../../src/model/replication.ts'
import type { MirrorStatus } from '../../src/ports/datapath.ts'
import type { ContractCase } from './contract.ts'
import {
  assertNothingLeft,
  begin,
  type DatapathFixture,
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

/** One in each piece of 128 KiB, so that no provider can take the disk for an empty one. */
const filledSectors = Array.from({ length: 32 }, (_, piece) => piece * 256 + 17)
/** What a few changed sectors may cost: providers count and send in pieces of up to 64 KiB. */
const differenceBytesMax = sizeBytes / 4

const keeps =
  (mode: KeepMode) =>
  ({ source, target }: DatapathFixture): boolean =>
    [source, target].every(({ datapath }) => datapath.capabilities.keeps.includes(mode))

/** The mirror as it is once the VM is at the other side: same ends, other sides. */
function turned(mirrored: Mirrored): Mirrored {
  return {
    ...{ sourceDisk: mirrored.targetDisk, targetDisk: mirrored.sourceDisk },
    ...{ sourcePath: mirrored.targetPath, targetPath: mirrored.sourcePath },
    sourceMirror: { ...mirrored.targetMirror, side: 'source' },
    targetMirror: { ...mirrored.sourceMirror, side: 'target' },
  }
}

function turnedHosts(fixture: DatapathFixture): DatapathFixture {
  return { ...fixture, source: fixture.target, target: fixture.source }
}

async function handOver({ source, target }: DatapathFixture, mirrored: Mirrored): Promise<void> {
  const disks = handoverOf([mirrored])
  await source.datapath.arm(disks.source)
  await target.datapath.arm(disks.target)
  await source.datapath.release(disks.source)
  await target.datapath.take(disks.target)
}

/** Both sides are told, the source first. */
async function keep({ source, target }: DatapathFixture, mirrored: Mirrored, mode: KeepMode) {
  await source.datapath.keep(mirrored.sourceMirror, mode)
  await target.datapath.keep(mirrored.targetMirror, mode)
}

/** The replica goes at both sides; the VM runs on. */
async function end(fixture: DatapathFixture, mirrored: Mirrored): Promise<void> {
  await fixture.source.datapath.close(mirrored.sourceMirror, 'volume')
  await fixture.target.datapath.close(mirrored.targetMirror, 'nothing')
  await assertNothingLeft(fixture, [mirrored])
}

/** A full disk that has been copied and handed over, and what the VM wrote at the target before it was told to keep. */
async function handedOver(
  fixture: DatapathFixture,
  before: (path: string) => Promise<void> = async () => {},
) {
  const first = await offered(fixture)
  for (const sector of filledSectors)
    await fixture.source.write(first.sourcePath, sector, `filled ${sector}`)
  await begin(fixture, first)
  await untilSynced(fixture, first)
  await before(first.sourcePath)
  await handOver(fixture, first)
  await fixture.target.write(first.targetPath, 100, 'after the handover')
  return { kept: turned(first), there: turnedHosts(fixture) }
}

/** A kept replica that nobody used as a disk meanwhile is begun again, as a mirror of the same id. */
async function beginAgain(fixture: DatapathFixture, mirrored: Mirrored): Promise<Mirrored> {
  const secret = 'fedcba9876543210fedcba9876543210'
  const targetPath = await fixture.target.datapath.activate(mirrored.targetDisk)
  const again: Mirrored = {
    ...{ ...mirrored, targetPath },
    sourceMirror: { ...mirrored.sourceMirror, secret },
    targetMirror: { ...mirrored.targetMirror, secret },
  }
  await fixture.target.datapath.offer(again.targetMirror)
  await begin(fixture, again)
  return again
}

async function statusOf({ source, deadlineMs }: DatapathFixture, { sourceMirror }: Mirrored) {
  return await untilStatus(source, sourceMirror, () => true, deadlineMs)
}

/** Begins again and answers how much went across until both sides were the same. */
async function sentAgain(fixture: DatapathFixture, mirrored: Mirrored) {
  const before = await statusOf(fixture, mirrored)
  const again = await beginAgain(fixture, mirrored)
  let mostBytes = 0
  const stop = fixture.source.datapath.watch(again.sourceMirror, (status) => {
    if (status.state === 'syncing') mostBytes = Math.max(mostBytes, status.outOfSyncBytes)
  })
  await untilSynced(fixture, again).finally(stop)
  const { sentBytes } = await statusOf(fixture, again)
  // A provider may count for each connection, or for all of them.
  const counted = sentBytes >= before.sentBytes ? sentBytes - before.sentBytes : sentBytes
  return { again, sentBytes: Math.max(mostBytes, counted) }
}

async function assertSame(
  { source, target }: DatapathFixture,
  { sourceDisk, targetDisk }: Mirrored,
  sectors: readonly number[],
): Promise<void> {
  for (const sector of [...filledSectors, ...sectors])
    assert.equal(
      await target.read(targetDisk.volumePath, sector),
      await source.read(sourceDisk.volumePath, sector),
      `sector ${sector}`,
    )
}

function casesOf(mode: KeepMode): readonly ContractCase<DatapathFixture>[] {
  return [
    {
      name: `${mode}: keeps the disk that a VM has left, fenced, and gives it back`,
      isFor: keeps(mode),
      async run(fixture) {
        let backend = async () => {}
        const { kept, there } = await handedOver(fixture, async (path) => {
          backend = await fixture.source.hold(path)
        })
        await keep(there, kept, mode)
        await keep(there, kept, mode)
        await there.source.write(kept.sourcePath, 200, 'runs at the target')
        await assert.rejects(there.target.write(kept.targetPath, 200, 'fenced'))
        await backend()
        await there.target.datapath.deactivate(kept.targetDisk)
        await there.source.restart()
        await there.target.restart()
        await there.source.write(kept.sourcePath, 201, 'runs on')
        await end(there, kept)
        assert.equal(await there.source.read(kept.sourceDisk.volumePath, 201), 'runs on')
      },
    },
    {
      name: `${mode}: goes back by sending what differs, and forth again`,
      isFor: keeps(mode),
      async run(fixture) {
        let { kept, there } = await handedOver(fixture)
        for (let time = 0; time < 2; time += 1) {
          await keep(there, kept, mode)
          await there.target.datapath.deactivate(kept.targetDisk)
          await there.source.write(kept.sourcePath, 300 + time, `kept for the time ${time}`)
          const { again, sentBytes } = await sentAgain(there, kept)
          assert.ok(sentBytes <= differenceBytesMax, `${sentBytes} bytes were sent`)
          await handOver(there, again)
          await there.target.write(again.targetPath, 310 + time, 'after another handover')
          assert.equal(await there.target.read(again.targetPath, 100), 'after the handover')
          assert.equal(
            await there.target.read(again.targetPath, 300 + time),
            `kept for the time ${time}`,
          )
          kept = turned(again)
          there = turnedHosts(there)
        }
        await there.source.datapath.close(kept.sourceMirror, 'volume')
        await there.target.datapath.close(kept.targetMirror, 'nothing')
        await assertNothingLeft(there, [kept])
      },
    },
    {
      name: `${mode}: keeps a copy of a disk whose VM stays, and refreshes it`,
      isFor: keeps(mode),
      async run(fixture) {
        const mirrored = await synced(fixture)
        const guest = new WritingGuest(fixture.source, mirrored.sourcePath, [0, 8, 1000])
        await keep(fixture, mirrored, mode)
        await fixture.target.datapath.deactivate(mirrored.targetDisk)
        await fixture.source.restart()
        await fixture.target.restart()
        const again = await beginAgain(fixture, mirrored)
        await untilSynced(fixture, again)
        await guest.stop()
        await guest.assertOn(fixture.target, again.targetDisk.volumePath)
        await keep(fixture, again, mode)
        await end(fixture, again)
      },
    },
    {
      name: `${mode}: copies everything when the source does not know any more what differs`,
      isFor: keeps(mode),
      async run(fixture) {
        const { kept, there } = await handedOver(fixture)
        await keep(there, kept, mode)
        await there.target.datapath.deactivate(kept.targetDisk)
        await there.source.datapath.close(kept.sourceMirror, 'volume')
        await there.source.write(kept.sourcePath, 400, 'nobody has noted this')
        const again = await beginAgain(there, kept)
        await untilSynced(there, again)
        await assertSame(there, again, [100, 400])
        await end(there, again)
      },
    },
    {
      name: `${mode}: knows what differs also when the target was cut off before it was told`,
      isFor: keeps(mode),
      async run(fixture) {
        const { kept, there } = await handedOver(fixture)
        await there.cutLink()
        await there.source.datapath.keep(kept.sourceMirror, mode)
        await there.source.write(kept.sourcePath, 500, 'cut off')
        await there.target.datapath.keep(kept.targetMirror, mode)
        await there.target.datapath.deactivate(kept.targetDisk)
        await there.source.write(kept.sourcePath, 501, 'still cut off')
        await there.mendLink()
        const again = await beginAgain(there, kept)
        await untilSynced(there, again)
        await assertSame(there, again, [100, 500, 501])
        await end(there, again)
      },
    },
    {
      name: `${mode}: still knows what differs when the target could not be reached to begin again`,
      isFor: keeps(mode),
      async run(fixture) {
        const { kept, there } = await handedOver(fixture)
        await keep(there, kept, mode)
        await there.target.datapath.deactivate(kept.targetDisk)
        await there.source.datapath.prepare(kept.sourceMirror)
        await there.source.write(kept.sourcePath, 550, 'prepared in vain')
        await there.source.datapath.keep(kept.sourceMirror, mode)
        await there.source.write(kept.sourcePath, 551, 'kept again')
        const { again, sentBytes } = await sentAgain(there, kept)
        assert.ok(sentBytes <= differenceBytesMax, `${sentBytes} bytes were sent`)
        await assertSame(there, again, [100, 550, 551])
        await end(there, again)
      },
    },
    {
      name: `${mode}: refuses to take a replica that has not been begun again`,
      isFor: keeps(mode),
      async run(fixture) {
        const { kept, there } = await handedOver(fixture)
        await keep(there, kept, mode)
        await expectCode('HANDOVER_REFUSED', there.target.datapath.take(handoverOf([kept]).target))
        await there.source.write(kept.sourcePath, 600, 'the only writer')
        await end(there, kept)
      },
    },
  ]
}

export const datapathKeepCases: readonly ContractCase<DatapathFixture>[] = [
  ...casesOf('every-write'),
  ...casesOf('difference'),
  {
    name: 'every-write: the replica has each write, and catches up by itself after the link was cut',
    isFor: keeps('every-write'),
    async run(fixture) {
      const { kept, there } = await handedOver(fixture)
      await keep(there, kept, 'every-write')
      await untilSynced(there, kept)
      await there.source.write(kept.sourcePath, 700, 'on both')
      assert.equal(await there.target.read(kept.targetDisk.volumePath, 700), 'on both')
      await there.cutLink()
      const isInterrupted = ({ state }: MirrorStatus) => state === 'interrupted'
      await untilStatus(there.source, kept.sourceMirror, isInterrupted, there.deadlineMs)
      await there.source.write(kept.sourcePath, 701, 'alone')
      await there.mendLink()
      await untilSynced(there, kept)
      await assertSame(there, kept, [100, 700, 701])
      await end(there, kept)
    },
  },
  {
    name: 'difference: the VM waits for nobody, and it is told how much differs',
    isFor: keeps('difference'),
    async run(fixture) {
      const { kept, there } = await handedOver(fixture)
      await keep(there, kept, 'difference')
      await there.cutLink()
      await there.source.write(kept.sourcePath, 800, 'alone')
      const differs = ({ outOfSyncBytes }: MirrorStatus) => outOfSyncBytes > 0
      const { state, outOfSyncBytes } = await untilStatus(
        there.source,
        kept.sourceMirror,
        differs,
        there.deadlineMs,
      )
      assert.equal(state, 'paused')
      assert.ok(outOfSyncBytes <= differenceBytesMax, `${outOfSyncBytes} bytes differ`)
      await there.mendLink()
      await there.pause()
      assert.equal(await there.target.read(kept.targetDisk.volumePath, 800), '')
      await end(there, kept)
    },
  },
]

import { settleAll } from '../../lib/settle-all.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { HandoverDisk } from '../../ports/datapath.ts'
import { activate, changeMode } from './devices.ts'
import type { DiskRecord } from './disk-record.ts'
import type { Mirrors } from './mirrors.ts'
import { messageOf } from './parts.ts'
import type { SourceMirror } from './source-mirror.ts'
import type { TargetMirror } from './target-mirror.ts'

type Handover = readonly HandoverDisk[]

/** Before `arm`, without a lock: mirrors that were found running are connected. */
export async function settle(mirrors: Mirrors, handover: Handover): Promise<void> {
  const found = handover.flatMap(({ mirror }) => (mirror && mirrors.source(mirror)) ?? [])
  await Promise.all(found.map((source) => source.settled()))
}

/** Source and target: the storage daemons run, and little is left to flush. */
export async function arm(mirrors: Mirrors, handover: Handover): Promise<void> {
  await settleAll(
    handover.map(async ({ disk, mirror }) => {
      await activate(mirrors, disk)
      if (mirror?.side === 'source') await mirrors.source(mirror)?.arm()
    }),
  )
}

/**
 * Source, VM paused. First the VM's I/O is held, then the mirrors copy what is left and flush the
 * target, then the targets are told. What fails before all of it is done is taken back.
 */
export async function release(mirrors: Mirrors, handover: Handover): Promise<void> {
  const sources = sourcesOf(mirrors, handover)
  const isRepeated = sources.some(({ record }) => record.isReleased)
  for (const source of sources) await source.checkSynchronous()
  try {
    await settleAll(
      handover.map(({ disk, mirror }) => changeMode(mirrors, disk, mirror ? 'held' : 'withdrawn')),
    )
    await settleAll(sources.map((source) => source.drain()))
    await settleAll(sources.map((source) => source.sayReleased()))
    await settleAll(sources.map((source) => source.markReleased()))
  } catch (error) {
    // A release that is repeated may have been answered before: then the target may have taken over.
    if (!isRepeated) await open(mirrors, handover)
    if (isCrosspoolError(error, 'REPLICATION_LOST')) throw error
    const id = sources[0]?.record.id ?? ''
    throw new CrosspoolError('REPLICATION_LOST', { id, state: messageOf(error) }, error)
  }
}

/** Source: each target is asked first, and says no once it has begun to take the disk. */
export async function reclaim(mirrors: Mirrors, handover: Handover): Promise<void> {
  const sources = sourcesOf(mirrors, handover)
  try {
    await settleAll(sources.map((source) => source.askBack()))
    await openShared(mirrors, handover)
  } catch (error) {
    const released = sources.filter(({ record }) => record.isReleased)
    await Promise.all(released.map((source) => source.sayReleased().catch(() => {})))
    throw error
  }
  await open(mirrors, handover)
}

/** Each VM's writes go to both sides before they flow again. */
async function open(mirrors: Mirrors, handover: Handover): Promise<void> {
  const isHeld = ({ disk }: HandoverDisk) => mirrors.servers.record(disk.vdi)?.mode === 'held'
  const held = handover.filter(isHeld)
  await settleAll(sourcesOf(mirrors, held).map((source) => source.takeBack()))
  await settleAll(held.map(({ disk }) => changeMode(mirrors, disk, 'serving')))
  await openShared(mirrors, handover)
}

/** Volumes that several hosts reach: the volume's own lock says whether another one has it. @throws HANDOVER_REFUSED */
async function openShared(mirrors: Mirrors, handover: Handover): Promise<void> {
  const shared = handover.filter(({ mirror }) => mirror === null)
  const before = recordsOf(mirrors, shared)
  try {
    await settleAll(shared.map(({ disk }) => changeMode(mirrors, disk, 'serving')))
  } catch (error) {
    await settleAll(before.map((record) => mirrors.servers.put(record)))
    throw refusal(error)
  }
}

/** Target: claims the disks, and makes them writable once the sources have confirmed that they are ours. */
export async function take(mirrors: Mirrors, handover: Handover): Promise<void> {
  const targets = targetsOf(mirrors, handover)
  const own = handover.filter(({ mirror }) => mirror !== null)
  const isRepeated = (await settleAll(targets.map((target) => target.hasTaken()))).some(Boolean)
  try {
    await settleAll(targets.map((target) => target.check()))
    await settleAll(targets.map((target) => target.claim()))
    await settleAll(targets.map((target) => target.recordDifference()))
    await settleAll(own.map(({ disk }) => changeMode(mirrors, disk, 'serving')))
    await openShared(mirrors, handover)
    await settleAll(targets.map((target) => target.confirm()))
  } catch (error) {
    // A take that is repeated may have been answered before: then the VM may run here.
    if (isRepeated) throw error
    // One that was not answered, as it was interrupted, may have come further than this one.
    await settleAll(own.map(({ disk }) => changeMode(mirrors, disk, 'mirrored')))
    await settleAll(targets.map((target) => target.giveBack()))
    throw refusal(error)
  }
}

function sourcesOf(mirrors: Mirrors, handover: Handover): readonly SourceMirror[] {
  return handover.flatMap(({ mirror }) => {
    if (mirror === null) return []
    const source = mirrors.source(mirror)
    if (source) return [source]
    throw new CrosspoolError('REPLICATION_LOST', { id: mirror.id, state: 'not there' })
  })
}

function targetsOf(mirrors: Mirrors, handover: Handover): readonly TargetMirror[] {
  return handover.flatMap(({ mirror }) => {
    if (mirror === null) return []
    const target = mirrors.target(mirror)
    if (target) return [target]
    throw new CrosspoolError('HANDOVER_REFUSED', { reason: `mirror ${mirror.id} is not here` })
  })
}

function recordsOf({ servers }: Mirrors, handover: Handover): readonly DiskRecord[] {
  return handover.flatMap(({ disk }) => servers.record(disk.vdi) ?? [])
}

function refusal(error: unknown): CrosspoolError {
  if (isCrosspoolError(error, 'HANDOVER_REFUSED')) return error
  return new CrosspoolError('HANDOVER_REFUSED', { reason: messageOf(error) }, error)
}

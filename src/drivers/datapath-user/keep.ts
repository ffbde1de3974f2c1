import { CrosspoolError } from '../../model/errors.ts'
import type { KeepMode } from '../../model/replication.ts'
import type { Mirror } from '../../ports/datapath.ts'
import { differenceBytes, forgetBases, forgetDifferences, vouchedBytes } from './bitmaps.ts'
import { newDiskRecord } from './disk-record.ts'
import { KeptSide } from './kept-side.ts'
import { newSourceRecord, newTargetRecord, putMirrorRecord } from './mirror-record.ts'
import type { Mirrors } from './mirrors.ts'
import { knownBase, makeBase } from './source-base.ts'
import { SourceMirror } from './source-mirror.ts'
import { TargetMirror } from './target-mirror.ts'

/** Makes one side of a mirror a kept one, which it may be already. */
export async function keep(mirrors: Mirrors, mirror: Mirror, mode: KeepMode): Promise<void> {
  if (mode !== 'difference')
    throw new CrosspoolError('NOT_SUPPORTED', {
      ...{ what: 'A replica with every write', reason: 'this datapath keeps the difference' },
    })
  const side = mirrors.of(mirror)
  if (side === null) throw new CrosspoolError('NOT_FOUND', { kind: 'mirror', id: mirror.id })
  if (side instanceof KeptSide) {
    if (side.record.side === mirror.side) return
    throw refusal(mirror, 'kept the other way round')
  }
  if (mirror.side === 'source' && side instanceof SourceMirror)
    await remainSource(mirrors, mirror, side)
  else if (mirror.side === 'source' && side instanceof TargetMirror)
    await becomeSource(mirrors, mirror, side)
  else if (side instanceof SourceMirror) await becomeTarget(mirrors, mirror, side)
  else await remainTarget(mirrors, mirror, side)
}

/**
 * The VM goes on here. What it writes is recorded from a moment on in which both sides are the same.
 */
async function remainSource(mirrors: Mirrors, mirror: Mirror, side: SourceMirror): Promise<void> {
  const { parts, servers } = mirrors
  const { id, vdi, isReleased } = side.record
  if (isReleased) throw lost(mirror, 'released')
  const base = (await makeBase(servers, side)) || (await knownBase(servers, side.record))
  if (base === 0) throw lost(mirror, side.board.status.state)
  const record = { ...side.record, isKept: true, base }
  await putMirrorRecord(parts, record)
  await side.stop()
  const { qmp } = servers.daemon(vdi)
  await forgetDifferences(qmp, id, base)
  await forgetBases(qmp, id)
  mirrors.become(new KeptSide(parts, servers, record, side.board))
}

/** What the VM has written since `take` has been recorded here, unless the storage daemon has died since. */
async function becomeSource(mirrors: Mirrors, mirror: Mirror, side: TargetMirror): Promise<void> {
  const { parts, servers } = mirrors
  const { id, vdi, secret, end } = side.record
  if (!(await side.hasTaken())) throw refusal(mirror, 'not taken')
  const session = await side.session()
  const { qmp } = servers.daemon(vdi)
  const base = (await differenceBytes(qmp, { id, session })) === null ? 0 : session
  const { disk } = mirror
  const begun = newSourceRecord({ ...mirror, id, secret, end, disk: { ...disk, vdi } })
  const record = { ...begun, isKept: true, session, base }
  await side.stop()
  await putMirrorRecord(parts, record)
  await forgetDifferences(qmp, id, base)
  await forgetBases(qmp, id)
  mirrors.become(new KeptSide(parts, servers, record, side.board))
}

/** The disk is as it was released, and stays open, so that nobody else writes to it. */
async function becomeTarget(mirrors: Mirrors, mirror: Mirror, side: SourceMirror): Promise<void> {
  const { parts, servers } = mirrors
  const { id, vdi, session, isReleased } = side.record
  if (!isReleased) throw lost(mirror, 'not released')
  const { qmp } = servers.daemon(vdi)
  if ((await vouchedBytes(qmp, { id, session })) !== 0) await forgetBases(qmp, id)
  await side.stop()
  const { secret, end } = side.record
  const disk = { ...mirror.disk, vdi }
  const record = { ...newTargetRecord({ ...mirror, id, secret, end, disk }), isKept: true }
  await putMirrorRecord(parts, record)
  const present = servers.record(vdi) ?? newDiskRecord(disk, 'mirrored', false)
  await servers.put({ ...present, mode: 'mirrored' })
  await forgetDifferences(qmp, id)
  mirrors.become(new KeptSide(parts, servers, record, side.board))
}

async function remainTarget(mirrors: Mirrors, mirror: Mirror, side: TargetMirror): Promise<void> {
  const { parts, servers } = mirrors
  if (await side.isOver()) throw refusal(mirror, 'taken')
  await side.stop()
  const record = { ...side.record, isKept: true, port: null }
  await putMirrorRecord(parts, record)
  mirrors.become(new KeptSide(parts, servers, record, side.board))
}

function lost({ id }: Mirror, state: string): CrosspoolError {
  return new CrosspoolError('REPLICATION_LOST', { id, state })
}

function refusal({ id }: Mirror, state: string): CrosspoolError {
  return new CrosspoolError('HANDOVER_REFUSED', { reason: `mirror ${id} is ${state} here` })
}

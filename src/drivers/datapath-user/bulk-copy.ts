import type { Qmp } from '../../lib/qmp/qmp.ts'
import { isCrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { nameOfWritten, recordWritten } from './bitmaps.ts'
import { dismissJob, endJob, findJob, type MirrorJob, startBulk } from './mirror-job.ts'

/**
 * The first copy of a whole disk. The VM's writes do not wait for it, so they neither queue behind the
 * bulk nor take the time of a long link. What they change meanwhile is copied again by the job; when that
 * is done but for the last, or is never done because the VM writes faster than it copies, a mirror and a
 * catch-up with what was written in between take its place.
 */
export async function beginBulk(
  qmp: Qmp,
  id: string,
  bytesPerSecondMax: number | null,
): Promise<void> {
  await recordWritten(qmp, id, 'first')
  await startBulk(qmp, bytesPerSecondMax)
}

/** Rounding, and what is under way at a time. */
const slackBytes = 32 * 1024 * 1024

/**
 * The job goes through the disk from its beginning to its end, and then begins again with what has been
 * written: in one such pass it copies no more than the disk has.
 */
export function isCopiedOnce({ isReady, copiedBytes }: MirrorJob, sizeBytes: number): boolean {
  return isReady || copiedBytes >= sizeBytes + slackBytes
}

/** A VM that writes all the time may never let the last of it be copied; then enough time is left for the other way. */
const partsOfDeadline = 4

/**
 * Ends a copy that `isCopiedOnce`. Answers the name of a bitmap that has whatever may differ now, and
 * gets what the VM goes on to write.
 */
export async function endBulk(
  qmp: Qmp,
  clock: Clock,
  id: string,
  deadlineMs: number,
): Promise<string> {
  await recordWritten(qmp, id, 'last')
  const isWhole = await endsWhole(qmp, clock, deadlineMs / partsOfDeadline)
  if (!isWhole) await endJob(qmp, clock, deadlineMs, true)
  await dismissJob(qmp)
  return nameOfWritten(id, isWhole ? 'last' : 'first')
}

/** It had nothing left to copy when it ended. */
async function endsWhole(qmp: Qmp, clock: Clock, lastMs: number): Promise<boolean> {
  const job = await findJob(qmp)
  if (job?.isReady !== true) return false
  try {
    const ended = await endJob(qmp, clock, lastMs, false)
    return ended?.hasEnded === true && ended.error === null
  } catch (error) {
    if (isCrosspoolError(error, 'DEADLINE_PASSED')) return false
    throw error
  }
}

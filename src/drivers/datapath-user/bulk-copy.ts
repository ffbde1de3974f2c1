import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { nameOfWritten, recordWritten, writtenBytes } from './bitmaps.ts'
import {
  dismissJob,
  endJob,
  findJob,
  isForced,
  type MirrorJob,
  startBulk,
  watchJob,
} from './mirror-job.ts'

/**
 * The first copy of a whole disk. The VM's writes do not wait for it, so they neither queue behind the
 * bulk nor take the time of a long link. What they change meanwhile is copied again by the job; when that
 * is done but for the last, or is never done because the VM writes faster than it copies, a mirror and a
 * catch-up with what was written in between take its place.
 */
export class BulkCopy {
  readonly #qmp: Qmp
  readonly #id: string
  readonly #sizeBytes: number
  /** Most of what there was to copy when it was first asked, and what had been copied by then. */
  #firstBytes: number | null = null

  constructor(qmp: Qmp, id: string, sizeBytes: number) {
    this.#qmp = qmp
    this.#id = id
    this.#sizeBytes = sizeBytes
  }

  async begin(bytesPerSecondMax: number | null): Promise<void> {
    await recordWritten(this.#qmp, this.#id, 'first')
    await startBulk(this.#qmp, bytesPerSecondMax)
  }

  /**
   * Whether every piece of the disk has been read and sent, as it was at some time since the beginning.
   *
   * The job goes through the disk from its beginning to its end, and then begins again with what has been
   * written. In one such pass it copies a piece once, and no pieces but those that it found in use and
   * those that were written to: when it has copied more than these, it must have come to one again.
   */
  async isCopiedOnce({ isReady, copiedBytes, leftBytes }: MirrorJob): Promise<boolean> {
    if (isReady) return true
    // While it makes the target zero and looks for what is in use, it says nothing.
    if (this.#firstBytes === null && copiedBytes + leftBytes === 0) return false
    this.#firstBytes ??= copiedBytes + leftBytes
    if (copiedBytes > this.#sizeBytes) return true
    if (copiedBytes <= this.#firstBytes) return false
    return copiedBytes > this.#firstBytes + (await writtenBytes(this.#qmp, this.#id))
  }

  /**
   * Ends a copy that `isCopiedOnce`. Answers the name of a bitmap that has whatever may differ now, and
   * gets what the VM goes on to write.
   */
  async end(clock: Clock, deadlineMs: number): Promise<string> {
    let late: string | null = null
    const stopListening = watchJob(this.#qmp, {
      failed(operation) {
        late = `the last ${operation} has failed`
      },
    })
    try {
      await recordWritten(this.#qmp, this.#id, 'last')
      const isWhole = await this.#endsWhole(clock, deadlineMs / partsOfDeadline)
      if (isWhole) return nameOfWritten(this.#id, 'last')
      const ended = await endJob(this.#qmp, clock, deadlineMs, true)
      if (ended === null) throw failure('nobody knows how it has ended')
      if (ended.error !== null && !isForced(ended.error)) throw failure(ended.error)
      // What was under way counts as copied, so it must have arrived. QEMU does not tell in how it has ended.
      if (late !== null) throw failure(late)
      return nameOfWritten(this.#id, 'first')
    } finally {
      stopListening()
      await dismissJob(this.#qmp)
    }
  }

  /** It had nothing left to copy when it ended. */
  async #endsWhole(clock: Clock, lastMs: number): Promise<boolean> {
    const job = await findJob(this.#qmp)
    if (job?.isReady !== true) return false
    try {
      const ended = await endJob(this.#qmp, clock, lastMs, false)
      return ended?.hasEnded === true && ended.error === null
    } catch (error) {
      if (isCrosspoolError(error, 'DEADLINE_PASSED')) return false
      throw error
    }
  }
}

/** A VM that writes all the time may never let the last of it be copied; then enough time is left for the other way. */
const partsOfDeadline = 4

function failure(reason: string): CrosspoolError {
  return new CrosspoolError('COPY_FAILED', { reason })
}

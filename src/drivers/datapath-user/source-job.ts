import { forgetWritten, nameOfDifference } from './bitmaps.ts'
import { BulkCopy } from './bulk-copy.ts'
import { CatchUp } from './catch-up.ts'
import type { DiskServers } from './disk-servers.ts'
import {
  addTarget,
  dismissJob,
  endingJob,
  endJob,
  findJob,
  limitJob,
  type MirrorJob,
  removeTarget,
  startMirror,
  watchJob,
} from './mirror-job.ts'
import type { SourceRecord } from './mirror-record.ts'
import { messageOf, type Parts } from './parts.ts'
import { type Uplink, uplinkSocket } from './uplink.ts'

export interface JobProgress {
  readonly state: 'syncing' | 'synced'
  readonly outOfSyncBytes: number
  readonly sentBytes: number
}

/** The job that copies, in the disk's storage daemon: begun, watched and ended for one mirror. */
export class SourceJob {
  readonly #parts: Parts
  readonly #servers: DiskServers
  readonly #record: SourceRecord
  readonly #onChange: () => void
  readonly #catchUp: CatchUp
  #progress: JobProgress
  /** By the jobs before the present one. */
  #sentBefore = 0
  #isEnding = false
  #bulk: BulkCopy | null = null
  #isCopiedOnce = false
  #stopWatching = () => {}

  constructor(parts: Parts, servers: DiskServers, record: SourceRecord, onChange: () => void) {
    this.#parts = parts
    this.#servers = servers
    this.#record = record
    this.#onChange = onChange
    this.#catchUp = new CatchUp(parts, servers, record.vdi)
    this.#progress = { state: 'syncing', outOfSyncBytes: 0, sentBytes: 0 }
  }

  get progress(): JobProgress {
    return this.#progress
  }

  /** Every acknowledged write is on both sides, and the next ones will be. */
  async isSynchronous(): Promise<boolean> {
    const job = await this.#find()
    if (this.#catchUp.isRunning) return false
    return job?.kind === 'mirror' && (job.isReady || this.#isWhole(job))
  }

  async isRunning(): Promise<boolean> {
    const job = await this.#find()
    return job !== null && !job.hasEnded
  }

  /** It can go on with the connections that it has. */
  async isUsable(): Promise<boolean> {
    const job = await this.#find().catch(() => null)
    if (job === null || (await this.#catchUp.isBroken())) return false
    if (job.hasEnded) return this.#isWhole(job)
    return job.error === null
  }

  /** Begins to copy, unless a job that can go on is there. */
  async attach(uplink: Uplink, hasData: boolean, bytesPerSecondMax: number | null): Promise<void> {
    const { qmp } = this.#daemon()
    this.#stopWatching()
    void qmp.closed.then(() => uplink.break('the storage daemon of the disk has died'))
    this.#stopWatching = watchJob(qmp, {
      changed: (status) => this.#changed(status, uplink),
      failed: (_, standsStill) => void (standsStill && this.#failed(uplink)),
    })
    this.#isEnding = false
    this.#bulk = null
    if (!hasData) return uplink.break('it leads to no disk')
    this.#catchUp.bytesPerSecondMax = bytesPerSecondMax
    if (!(await this.isUsable())) await this.#begin(uplink, bytesPerSecondMax)
    await this.#catchUpOn(uplink)
    await this.readProgress()
  }

  /** A first copy has come so far that the mirror can take its place: what is left is copied beside that. */
  get canTurn(): boolean {
    return this.#isCopiedOnce
  }

  async turn(uplink: Uplink): Promise<void> {
    const { clock, timing } = this.#parts
    this.#isEnding = true
    const bitmap = await this.#firstCopy().end(clock, timing.deadlineMs)
    this.#isEnding = false
    this.#startCounting()
    await this.#catchUp.begin(uplinkSocket(this.#parts, this.#record), bitmap)
    await forgetWritten(this.#daemon().qmp, this.#record.id)
    await this.#catchUpOn(uplink)
    await this.readProgress()
  }

  async #catchUpOn(uplink: Uplink): Promise<void> {
    await this.#catchUp.run((error) => {
      if (error === null) this.#onChange()
      else uplink.break(`what differs could not be copied: ${messageOf(error)}`)
    })
  }

  async #begin({ base }: Uplink, bytesPerSecondMax: number | null): Promise<void> {
    const { qmp } = this.#daemon()
    const { id } = this.#record
    const socket = uplinkSocket(this.#parts, this.#record)
    await this.#clear()
    await addTarget(qmp, socket)
    if (base === 0) return await this.#firstCopy().begin(bytesPerSecondMax)
    await this.#catchUp.begin(socket, nameOfDifference({ id, session: base }))
  }

  /** One that begins later is told then. */
  async limit(bytesPerSecondMax: number | null): Promise<void> {
    this.#catchUp.bytesPerSecondMax = bytesPerSecondMax
    if (await this.isRunning()) await limitJob(this.#daemon().qmp, bytesPerSecondMax)
  }

  /**
   * Nothing has been written since `complete`: goes on from there. Not with one that is still to end, which
   * would bring no write to the target from then on.
   */
  async goOn(): Promise<void> {
    const { qmp } = this.#daemon()
    const job = await findJob(qmp)
    if (job === null || !this.#isWhole(job)) throw new Error('the mirror did not end whole')
    await dismissJob(qmp)
    this.#isEnding = false
    await startMirror(qmp, 'none')
    await this.readProgress()
  }

  /** The VM waits. Copies what is left, flushes the target and ends. Answers what went wrong, or null. */
  async complete(): Promise<string | null> {
    this.#isEnding = true
    const { clock, timing } = this.#parts
    const job = await endJob(this.#daemon().qmp, clock, timing.deadlineMs, false)
    if (job === null) return 'not there'
    return this.#isWhole(job) ? null : (job.error ?? 'not at its end')
  }

  /** Its gateway has gone: ends it without caring for the target. */
  async discard(): Promise<void> {
    this.#stopWatching()
    try {
      await endingJob(this.#servers, this.#record.vdi, () => this.#clear())
    } catch (error) {
      // With the storage daemon the job is gone as well.
      this.#parts.log.debug({ mirror: this.#record.id, error }, 'no mirror job to end')
    }
  }

  /**
   * QEMU tells when a job's state changes, but not its progress; that has to be asked for. It counts
   * holes as copied, though next to nothing of them crosses the link.
   */
  async readProgress(): Promise<void> {
    const job = await this.#find()
    this.#isCopiedOnce = false
    if (job === null || job.hasEnded) return
    if (job.kind === 'bulk') this.#isCopiedOnce = await this.#firstCopy().isCopiedOnce(job)
    await this.#catchUp.readProgress()
    const { copiedBytes, leftBytes, isRunning } = this.#catchUp
    const sent = this.#sentBefore + job.copiedBytes + copiedBytes
    const sentBytes = Math.max(this.#progress.sentBytes, sent)
    if (isRunning) this.#progress = { state: 'syncing', outOfSyncBytes: leftBytes, sentBytes }
    else
      this.#progress =
        job.isReady && job.kind === 'mirror'
          ? { state: 'synced', outOfSyncBytes: 0, sentBytes }
          : { state: 'syncing', outOfSyncBytes: job.leftBytes, sentBytes }
  }

  async #clear(): Promise<void> {
    this.#isEnding = true
    const { qmp } = this.#daemon()
    await endJob(qmp, this.#parts.clock, this.#parts.timing.deadlineMs, true)
    await dismissJob(qmp)
    await this.#catchUp.clear()
    await removeTarget(qmp)
    await forgetWritten(qmp, this.#record.id)
    this.#startCounting()
    this.#isEnding = false
  }

  #startCounting(): void {
    this.#bulk = null
    this.#isCopiedOnce = false
    this.#sentBefore = this.#progress.sentBytes
    this.#progress = { ...this.#progress, state: 'syncing' }
  }

  #changed(status: string, uplink: Uplink): void {
    if (status === 'ready' && !this.#catchUp.isRunning) this.#onChange()
    if (status === 'concluded') this.#failed(uplink)
  }

  #failed(uplink: Uplink): void {
    if (this.#isEnding) return
    // Each of the VM's writes may fail from now on.
    this.#stopWatching()
    const tell = (error: string) => uplink.break(`the mirror has failed: ${error}`)
    this.#find().then(
      (job) => tell(job?.error ?? 'nobody knows why'),
      () => tell('the storage daemon of the disk has died'),
    )
  }

  async #find(): Promise<MirrorJob | null> {
    return await findJob(this.#daemon().qmp)
  }

  #daemon() {
    return this.#servers.daemon(this.#record.vdi)
  }

  /** The one that runs, or is to be begun. */
  #firstCopy(): BulkCopy {
    const sizeBytes = this.#servers.record(this.#record.vdi)?.disk.sizeBytes
    this.#bulk ??= new BulkCopy(
      this.#daemon().qmp,
      this.#record.id,
      sizeBytes ?? Number.POSITIVE_INFINITY,
    )
    return this.#bulk
  }

  /** Everything is at the target, as the VM waits and has written nothing since. */
  #isWhole({ kind, hasEnded, error }: MirrorJob): boolean {
    const isHeld = this.#servers.record(this.#record.vdi)?.mode === 'held'
    return isHeld && kind === 'mirror' && hasEnded && error === null
  }
}

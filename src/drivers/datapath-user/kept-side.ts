import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { MirrorStatus } from '../../ports/datapath.ts'
import { differenceBytes } from './bitmaps.ts'
import type { DiskServers } from './disk-servers.ts'
import { type MirrorRecord, removeMirrorFolder, type SourceRecord } from './mirror-record.ts'
import type { Parts } from './parts.ts'
import { mirrorFolder, witnessName } from './places.ts'
import { SourceJob } from './source-job.ts'
import { createStatusBoard, type StatusBoard } from './status-board.ts'
import { findStorageDaemon } from './storage-daemon.ts'

const state: MirrorStatus['state'] = 'paused'

/** One side of a mirror of which nothing runs. The callers of its methods hold the VDI's lock, but for `run`. */
export class KeptSide {
  readonly board: StatusBoard
  readonly #parts: Parts
  readonly #servers: DiskServers
  readonly #stopping = new AbortController()
  readonly #record: MirrorRecord

  constructor(parts: Parts, servers: DiskServers, record: MirrorRecord, board?: StatusBoard) {
    this.#parts = parts
    this.#servers = servers
    this.#record = record
    this.board = board ?? createStatusBoard()
  }

  get record(): MirrorRecord {
    return this.#record
  }

  /** Watches how much differs. What was interrupted while it became a kept one is done first. */
  run(): void {
    const { lock, log } = this.#parts
    const { id, vdi } = this.#record
    this.board.set({ state, outOfSyncBytes: 0, reason: null })
    const finished = lock.run([vdi], async () => {
      if (!this.#stopping.signal.aborted) await this.#finish()
    })
    finished
      .catch((error: unknown) => log.warn({ mirror: id, error }, 'a mirror is kept by half'))
      .then(() => this.#follow())
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#killGateway()
  }

  async remove(): Promise<void> {
    await removeMirrorFolder(this.#parts, this.#record)
  }

  disconnect(): void {
    this.#stopping.abort()
  }

  async #finish(): Promise<void> {
    const record = this.#record
    await rm(join(mirrorFolder(this.#parts, record), witnessName), { force: true })
    const disk = this.#servers.record(record.vdi)
    if (record.side === 'target' && disk && disk.mode !== 'mirrored')
      await this.#servers.put({ ...disk, mode: 'mirrored' })
    await this.#killGateway()
    if (record.side === 'source')
      await new SourceJob(this.#parts, this.#servers, record, () => {}).discard()
  }

  async #killGateway(): Promise<void> {
    const folder = mirrorFolder(this.#parts, this.#record)
    await (await findStorageDaemon(this.#parts, folder))?.kill()
  }

  async #follow(): Promise<void> {
    const { clock, timing } = this.#parts
    while (this.#record.side === 'source' && !this.#stopping.signal.aborted) {
      await this.#look(this.#record).catch(() => {})
      await clock.sleep(timing.pulseMs, this.#stopping.signal).catch(() => {})
    }
  }

  async #look({ id, vdi, base }: SourceRecord): Promise<void> {
    const { qmp } = this.#servers.daemon(vdi)
    const bytes = base === 0 ? null : await differenceBytes(qmp, { id, session: base })
    if (this.#stopping.signal.aborted) return
    const wholeBytes = this.#servers.record(vdi)?.disk.sizeBytes ?? 0
    const reason = bytes === null ? 'what differs is not known; everything will be copied' : null
    this.board.set({ state, outOfSyncBytes: bytes ?? wholeBytes, reason })
  }
}

import { mkdir } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import { forgetBases, vouchFor } from './bitmaps.ts'
import type { DiskServers } from './disk-servers.ts'
import { isForLackOfRoom } from './mirror-job.ts'
import {
  putMirrorRecord,
  removeMirrorFolder,
  type SourceRecord,
  type Welcome,
} from './mirror-record.ts'
import { messageOf, type Parts } from './parts.ts'
import { mirrorFolder } from './places.ts'
import { knownBase } from './source-base.ts'
import { SourceJob } from './source-job.ts'
import { createSourceVoice, type SourceVoice } from './source-voice.ts'
import { createStatusBoard, type StatusBoard } from './status-board.ts'
import {
  findUplink,
  flushTarget,
  hasData,
  killWhenLate,
  makeSession,
  makeUplink,
  type Uplink,
} from './uplink.ts'
import type { SourceWord } from './witness.ts'

/**
 * The source's side of one mirror. It keeps the mirror going by itself: when the link or one of the
 * processes fails, it is begun again: from the last base if that is known on both sides, otherwise
 * from the beginning, since QEMU does not keep what has changed meanwhile. The callers of its methods hold the VDI's lock.
 */
export class SourceMirror {
  readonly board: StatusBoard
  readonly #parts: Parts
  readonly #servers: DiskServers
  readonly #job: SourceJob
  readonly #stopping = new AbortController()
  readonly #voice: SourceVoice
  #record: SourceRecord
  #uplink: Uplink | null = null
  #connecting: Promise<Uplink> | null = null
  #attempts: Promise<void> | null = null
  #firstAttempt: Promise<void> = Promise.resolve()
  #nudge = new AbortController()

  constructor(parts: Parts, servers: DiskServers, record: SourceRecord, board?: StatusBoard) {
    this.board = board ?? createStatusBoard()
    this.#parts = parts
    this.#servers = servers
    this.#record = record
    this.#voice = createSourceVoice(parts.clock, record.isReleased ? 'released' : 'source')
    this.#job = new SourceJob(parts, servers, record, () => this.#nudge.abort())
  }

  get record(): SourceRecord {
    return this.#record
  }

  async create(): Promise<void> {
    await mkdir(mirrorFolder(this.#parts, this.#record), { recursive: true, mode: 0o700 })
    await this.#put({})
  }

  async start(welcome: Welcome): Promise<void> {
    if (!isDeepStrictEqual(welcome, this.#record.welcome)) await this.#put({ welcome })
    this.run()
  }

  /** Goes on with what was begun. */
  run(): void {
    if (this.#attempts !== null || this.#record.welcome === null) return
    let settle = () => {}
    this.#firstAttempt = new Promise((resolve) => {
      settle = resolve
    })
    this.#attempts = this.#tryUntilStopped(settle)
  }

  /** What an earlier program has left is in our hands again, or lost. Needs the VDI's lock, so its holder may not wait for it. */
  async settled(): Promise<void> {
    await this.#firstAttempt
  }

  async limit(bytesPerSecondMax: number | null): Promise<void> {
    await this.#put({ bytesPerSecondMax })
    await this.#job.limit(bytesPerSecondMax)
  }

  /** All that can be done before a release: the less is then left to flush at the target. */
  async arm(): Promise<void> {
    if (this.#record.isReleased || this.#uplink?.isBroken !== false) return
    await flushTarget(this.#parts, this.#record).catch(() => {})
  }

  /** @throws REPLICATION_LOST */
  async checkSynchronous(): Promise<void> {
    if (this.#record.isReleased || (await this.isSynchronous())) return
    throw this.#lost(this.board.status.state)
  }

  async isSynchronous(): Promise<boolean> {
    return this.#uplink?.isBroken === false && (await this.#job.isSynchronous())
  }

  /** The VM's I/O is held. Afterwards the target has everything on its disk. @throws REPLICATION_LOST */
  async drain(): Promise<void> {
    if (this.#record.isReleased) return
    const failure = await this.#job.complete()
    if (failure !== null) throw this.#lost(failure)
    const { id, vdi, session } = this.#record
    await vouchFor(this.#servers.daemon(vdi).qmp, { id, session })
  }

  /** @throws when the target does not confirm it in time */
  async sayReleased(): Promise<void> {
    await this.#declare('released')
  }

  async markReleased(): Promise<void> {
    await this.#put({ isReleased: true })
    this.#tell()
  }

  /** @throws HANDOVER_REFUSED when the target has taken the disk, or may have */
  async askBack(): Promise<void> {
    if (!this.#record.isReleased) return
    try {
      await this.#declare('source')
      const { role } = await this.#existingUplink().hear()
      if (role === 'waiting') return
      throw new CrosspoolError('HANDOVER_REFUSED', { reason: 'the target has taken the disk' })
    } catch (error) {
      await this.sayReleased().catch(() => {})
      if (isCrosspoolError(error, 'HANDOVER_REFUSED')) throw error
      const reason = `the target cannot be asked whether it has taken the disk: ${messageOf(error)}`
      throw new CrosspoolError('HANDOVER_REFUSED', { reason }, error)
    }
  }

  /** Not released any more. The mirror goes on where nothing was lost, and is begun again elsewhere. */
  async takeBack(): Promise<void> {
    const uplink = this.#uplink
    const { id, vdi } = this.#record
    // With a storage daemon that has died they have gone as well.
    await forgetBases(this.#servers.daemon(vdi).qmp, id).catch(() => {})
    await this.#put({ isReleased: false })
    try {
      await this.#declare('source')
      await flushTarget(this.#parts, this.#record)
      await this.#job.goOn()
    } catch (error) {
      this.#uplink?.break(messageOf(error))
      await uplink?.kill()
      await this.#job.discard()
    }
    this.#tell()
  }

  /** The VM's writes go to this side alone. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#nudge.abort()
    // First of all: the guest may wait for the link.
    await this.#uplink?.kill()
    await (await this.#connecting?.catch(() => null))?.kill()
    await (await findUplink(this.#parts, this.#record))?.kill()
    await this.#job.discard()
  }

  /** After `stop`: nothing is left of it. */
  async remove(): Promise<void> {
    await removeMirrorFolder(this.#parts, this.#record)
  }

  /** Leaves everything running. */
  disconnect(): void {
    this.#stopping.abort()
    this.#nudge.abort()
    this.#uplink?.disconnect()
  }

  async #put(change: Partial<SourceRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change }
    await putMirrorRecord(this.#parts, this.#record)
  }

  async #tryUntilStopped(settleFirst: () => void): Promise<void> {
    const { clock, lock, log, timing } = this.#parts
    const isStopping = () => this.#stopping.signal.aborted
    while (!isStopping()) {
      const reason = await this.#attempt(settleFirst).catch(messageOf)
      settleFirst()
      if (isStopping()) return
      log.warn({ mirror: this.#record.id, reason }, 'a mirror is interrupted')
      // First of all: the guest may wait for the dead link.
      await this.#uplink?.kill().catch(() => {})
      // To begin anew makes no room there, and would never end.
      const isFull = isForLackOfRoom(reason)
      const { state } = this.board.status
      if (isFull) this.board.set({ state: 'failed', reason })
      else if (state !== 'handed-over')
        this.board.set({ state: state === 'connecting' ? state : 'interrupted', reason })
      await lock.run([this.#record.vdi], async () => {
        if (!isStopping()) await this.#job.discard()
      })
      if (isFull) return
      await clock.sleep(timing.retryMs, this.#stopping.signal).catch(() => {})
    }
  }

  /** Rejects with why the mirror does not go on. */
  async #attempt(settleFirst: () => void): Promise<never> {
    this.#connecting = this.#connect()
    const uplink = await this.#connecting
    this.#uplink = uplink
    await this.#change(uplink, async () => {
      const hasWay = await hasData(uplink)
      await this.#job.attach(uplink, hasWay, this.#record.bytesPerSecondMax)
    })
    settleFirst()
    const { clock, timing } = this.#parts
    for (;;) {
      this.#nudge = new AbortController()
      await this.#pulse(uplink)
      if (this.#stopping.signal.aborted) this.#nudge.abort()
      const pause = clock.sleep(timing.pulseMs, this.#nudge.signal).catch(() => {})
      await Promise.race([pause, uplink.broken])
    }
  }

  /** What an earlier program has left goes on; otherwise there are new connections, which are a new session. */
  async #connect(): Promise<Uplink> {
    const { signal } = this.#stopping
    const found = await findUplink(this.#parts, this.#record)
    if (found) {
      if (this.#record.isReleased) return found
      if ((await hasData(found)) && (await this.#job.isUsable())) return found
      await found.kill()
    }
    // Connections that only ask for the witness leave the session, of which `released` was said, as it is.
    if (this.#record.isReleased) return await makeUplink(this.#parts, this.#record, signal)
    await this.#put({ session: this.#record.session + 1 })
    const base = await knownBase(this.#servers, this.#record)
    return await makeSession(this.#parts, this.#record, base, signal)
  }

  async #pulse(uplink: Uplink): Promise<void> {
    if (!this.#record.isReleased) await killWhenLate(this.#parts, uplink, this.#job.readProgress())
    if (this.#job.canTurn) await this.#change(uplink, () => this.#job.turn(uplink))
    await this.#say(false)
    const heard = await uplink.hear().catch((error: unknown) => {
      // Read while it was being written: the next pulse reads it whole.
      if (!isCrosspoolError(error, 'BAD_REQUEST')) throw error
    })
    if (heard?.role === 'taken') this.board.set({ state: 'handed-over', reason: null })
    else if (heard) this.#tell()
  }

  /** Alone with the disk, unless it is released meanwhile. */
  async #change(uplink: Uplink, act: () => Promise<void>): Promise<void> {
    await this.#parts.lock.run([this.#record.vdi], async () => {
      this.#stopping.signal.throwIfAborted()
      if (!this.#record.isReleased) await killWhenLate(this.#parts, uplink, act())
    })
  }

  /** What decides who writes: it counts once the target has it in its file. */
  async #declare(role: SourceWord['role']): Promise<void> {
    // Also where nothing can be said now: the next connection must not say what is no longer so.
    this.#voice.become(role)
    await this.#say(true)
  }

  async #say(flush: boolean): Promise<void> {
    const about = () => ({ session: this.#record.session, ...this.#job.progress })
    await this.#voice.say(this.#existingUplink(), about, flush)
  }

  #tell(): void {
    if (this.board.status.state === 'handed-over' && this.#record.isReleased) return
    const state = this.#record.isReleased ? 'synced' : this.#job.progress.state
    this.board.set({ ...this.#job.progress, state, reason: null })
  }

  #existingUplink(): Uplink {
    if (this.#uplink && !this.#uplink.isBroken) return this.#uplink
    throw this.#lost('without a connection')
  }

  #lost(state: string): CrosspoolError {
    return new CrosspoolError('REPLICATION_LOST', { id: this.#record.id, state })
  }
}

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { type Base, forgetBases, recordDifference, vouchedBytes, vouchFor } from './bitmaps.ts'
import { cutExport, unlessRefused } from './block-commands.ts'
import { nodes } from './block-nodes.ts'
import type { DiskServers } from './disk-servers.ts'
import { dataExport, offerData, offersWitness, offerWitness, startListening } from './gateway.ts'
import {
  putMirrorRecord,
  removeMirrorFolder,
  type TargetRecord,
  type Welcome,
} from './mirror-record.ts'
import { messageOf, type Parts } from './parts.ts'
import { diskSocket, mirrorFolder, witnessName } from './places.ts'
import { createStatusBoard, type StatusBoard } from './status-board.ts'
import { findStorageDaemon, type StorageDaemon } from './storage-daemon.ts'
import type { SessionWord, TargetWord } from './witness.ts'
import {
  createWitness,
  readWitness,
  type WitnessWords,
  watchWitness,
  writeTargetWord,
} from './witness-file.ts'

/** The target's side of one mirror. The callers of its methods hold the VDI's lock. */
export class TargetMirror {
  readonly board: StatusBoard
  readonly #parts: Parts
  readonly #servers: DiskServers
  readonly #freePorts: () => readonly number[]
  readonly #stopping = new AbortController()
  #record: TargetRecord
  #gateway: StorageDaemon | null = null
  #isRunning = false
  #nudge = new AbortController()
  #heard = { beat: -1, atMs: 0 }

  /** `freePorts`: those that no other mirror of this host has told its source. */
  constructor(
    parts: Parts,
    servers: DiskServers,
    record: TargetRecord,
    freePorts: () => readonly number[],
    board?: StatusBoard,
  ) {
    this.board = board ?? createStatusBoard()
    this.#parts = parts
    this.#servers = servers
    this.#record = record
    this.#freePorts = freePorts
  }

  get record(): TargetRecord {
    return this.#record
  }

  async create(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    // Of an earlier run, where it was kept since.
    await rm(this.#witness, { force: true })
    await putMirrorRecord(this.#parts, this.#record)
  }

  /** Waits for the source from now on. */
  async accept(): Promise<Welcome> {
    await createWitness(this.#witness)
    const { port: told } = this.#record
    await this.#listen([...(told === null ? [] : [told]), ...this.#freePorts()])
    this.run()
    const { id, port } = this.#record
    return { address: this.#parts.address, port: port ?? 0, user: id }
  }

  /** Goes on with what was accepted. */
  run(): void {
    if (this.#isRunning || this.#record.port === null) return
    this.#isRunning = true
    void this.#follow()
  }

  /** @throws HANDOVER_REFUSED unless the source has released the disk to us */
  async check(): Promise<void> {
    const { target, source } = await this.#read()
    if (target.role === 'taken') return
    if (source?.role !== 'released' || source.session !== target.session)
      throw refusal(`the source has not released the disk of mirror ${this.#record.id}`)
  }

  /** The disk has been taken, or is just being taken: it is not the mirror's any more. */
  async isOver(): Promise<boolean> {
    if (this.#record.port === null) return false
    return (await this.#read()).target.role !== 'waiting'
  }

  async hasTaken(): Promise<boolean> {
    return (await this.#read()).target.role === 'taken'
  }

  /** The one that it serves, or has taken the disk from. */
  async session(): Promise<number> {
    return (await this.#read()).target.session
  }

  /** Before the VM may write here: what differs from the source's disk from now on. */
  async recordDifference(): Promise<void> {
    const { id, vdi } = this.#record
    if (this.#servers.record(vdi)?.mode !== 'mirrored') return
    const session = await this.session()
    await recordDifference(this.#servers.daemon(vdi).qmp, { id, session })
  }

  /** From now on the source may not reclaim. Then the source's word is checked once more. */
  async claim(): Promise<void> {
    const { target } = await this.#read()
    if (target.role !== 'taken') await this.#write({ ...target, role: 'taking' })
    await this.check()
  }

  /** The disk is writable here. */
  async confirm(): Promise<void> {
    const { target } = await this.#read()
    await this.#write({ ...target, role: 'taken' })
    this.board.set({ state: 'handed-over', reason: null })
  }

  /** The disk is not writable here, and the source may reclaim. */
  async giveBack(): Promise<void> {
    const { target } = await this.#read()
    await this.#write({ ...target, role: 'waiting' })
  }

  /** The source cannot reach it any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const gateway = this.#gateway ?? (await findStorageDaemon(this.#parts, this.#folder))
    await gateway?.kill()
  }

  /** After `stop`: nothing is left of it but the disk's own storage daemon. */
  async remove(): Promise<void> {
    await removeMirrorFolder(this.#parts, this.#record)
  }

  /** Leaves everything running. */
  disconnect(): void {
    this.#stopping.abort()
    this.#gateway?.qmp.close()
  }

  get #folder(): string {
    return mirrorFolder(this.#parts, this.#record)
  }

  get #witness(): string {
    return join(this.#folder, witnessName)
  }

  /** @throws HANDOVER_REFUSED when there is none */
  async #read(): Promise<WitnessWords> {
    try {
      return await readWitness(this.#witness)
    } catch (error) {
      throw refusal(`mirror ${this.#record.id} has no witness here`, error)
    }
  }

  async #write(word: TargetWord): Promise<void> {
    this.#parts.closing.throwIfAborted()
    await writeTargetWord(this.#witness, word)
  }

  async #listen(ports: readonly number[]): Promise<void> {
    const found = this.#gateway ?? (await findStorageDaemon(this.#parts, this.#folder))
    // An earlier program may have started it, and have ended before it offered anything.
    if (
      this.#record.port !== null &&
      found &&
      (await offersWitness(found.qmp).catch(() => false))
    ) {
      this.#gateway = found
      return
    }
    await found?.kill()
    const { id: user, secret } = this.#record
    const key = { user, secret }
    const { gateway, port } = await startListening(this.#parts, this.#folder, key, ports)
    this.#gateway = gateway
    await offerWitness(gateway.qmp, this.#witness)
    this.#record = { ...this.#record, port }
    await putMirrorRecord(this.#parts, this.#record)
  }

  async #follow(): Promise<void> {
    const { clock, log, timing } = this.#parts
    const { signal } = this.#stopping
    watchWitness(this.#witness, () => this.#nudge.abort(), signal)
    while (!signal.aborted) {
      this.#nudge = new AbortController()
      try {
        await this.#look()
      } catch (error) {
        if (!signal.aborted)
          log.debug({ mirror: this.#record.id, error }, 'the target of a mirror tries again')
      }
      const either = AbortSignal.any([signal, this.#nudge.signal])
      await clock.sleep(timing.pollMs, either).catch(() => {})
    }
  }

  async #look(): Promise<void> {
    const { port } = this.#record
    // The source knows of no other one.
    if (port !== null && this.#gateway?.hasEnded !== false)
      await this.#underLock(() => this.#listen([port]))
    const words = await readWitness(this.#witness)
    if (words.wanted.session > words.target.session && words.target.role === 'waiting')
      await this.#underLock(() => this.#serveSession())
    this.#tell(words)
  }

  async #underLock(act: () => Promise<void>): Promise<void> {
    await this.#parts.lock.run([this.#record.vdi], async () => {
      if (!this.#stopping.signal.aborted) await act()
    })
  }

  /** Nothing of an earlier session reaches the disk any more once the new one is served. */
  async #serveSession(): Promise<void> {
    const { id, vdi } = this.#record
    const { target, wanted } = await readWitness(this.#witness)
    const qmp = this.#gateway?.qmp
    const record = this.#servers.record(vdi)
    if (!qmp || record?.mode !== 'mirrored' || target.role !== 'waiting') return
    for (const session of new Set([target.session, wanted.session])) {
      await cutExport(qmp, this.#parts.clock, dataExport(session))
      await unlessRefused(/Failed to find node/, () =>
        qmp.execute('blockdev-del', { 'node-name': dataExport(session) }),
      )
    }
    await cutExport(this.#servers.daemon(vdi).qmp, this.#parts.clock, nodes.mirrored)
    await this.#servers.put(record)
    const base = await this.#rebase(this.#servers.daemon(vdi).qmp, { id, ...wanted })
    await offerData(qmp, wanted.session, diskSocket(this.#parts, vdi))
    await this.#write({ role: 'waiting', session: wanted.session, base })
  }

  /** Answers the base, if the volume is as it was then, but for what is known to the source. */
  async #rebase(qmp: Qmp, { id, session, base }: Base & SessionWord): Promise<number> {
    const isKnown = base !== 0 && (await vouchedBytes(qmp, { id, session: base })) !== null
    const known = isKnown ? base : 0
    await forgetBases(qmp, id, known)
    await vouchFor(qmp, { id, session })
    return known
  }

  /** The target knows of the mirror what the source writes for it, as long as it does. */
  #tell({ source, target }: WitnessWords): void {
    if (target.role === 'taken') this.board.set({ state: 'handed-over', reason: null })
    if (target.role === 'taken' || source === null) return
    const nowMs = this.#parts.clock.monotonicMs()
    if (source.beat !== this.#heard.beat) this.#heard = { beat: source.beat, atMs: nowMs }
    const { outOfSyncBytes, sentBytes } = source
    const silentMs = nowMs - this.#heard.atMs
    if (silentMs > this.#parts.timing.deadlineMs) {
      const reason = 'nothing is heard from the source'
      this.board.set({ state: 'interrupted', reason })
    } else this.board.set({ state: source.state, outOfSyncBytes, sentBytes, reason: null })
  }
}

function refusal(reason: string, cause?: unknown): CrosspoolError {
  const why = cause === undefined ? reason : `${reason} (${messageOf(cause)})`
  return new CrosspoolError('HANDOVER_REFUSED', { reason: why }, cause)
}

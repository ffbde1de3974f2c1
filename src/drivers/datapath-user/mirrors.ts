import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CrosspoolError } from '../../model/errors.ts'
import type { Mirror, MirrorHello, MirrorStatus } from '../../ports/datapath.ts'
import { forgetBases, forgetDifferences } from './bitmaps.ts'
import { busy, isUnused } from './devices.ts'
import { type DiskMode, newDiskRecord } from './disk-record.ts'
import type { DiskServers } from './disk-servers.ts'
import { KeptSide } from './kept-side.ts'
import {
  mirrorRecordName,
  mirrorRecordSchema,
  newSourceRecord,
  newTargetRecord,
  type TargetRecord,
  welcomeSchema,
} from './mirror-record.ts'
import { namesIn } from './names-in.ts'
import type { Parts } from './parts.ts'
import { mirrorsDirectory } from './places.ts'
import { SourceMirror } from './source-mirror.ts'
import { createStatusBoard, type StatusBoard } from './status-board.ts'
import { findStorageDaemon } from './storage-daemon.ts'
import { TargetMirror } from './target-mirror.ts'

export type Side = SourceMirror | TargetMirror | KeptSide

const missing: MirrorStatus = {
  ...{ state: 'failed', outOfSyncBytes: 0, sentBytes: 0 },
  reason: 'the mirror is not there',
}

/** The mirrors of this host's disks. The callers hold the lock of the mirror's VDI. */
export class Mirrors {
  readonly parts: Parts
  readonly servers: DiskServers
  readonly #sides = new Map<string, Side>()

  constructor(parts: Parts, servers: DiskServers) {
    this.parts = parts
    this.servers = servers
  }

  /** Goes on with what an earlier program has left. */
  async resume(): Promise<void> {
    const root = mirrorsDirectory(this.parts)
    for (const name of await namesIn(root)) {
      const folder = join(root, name)
      const text = await readFile(join(folder, mirrorRecordName), 'utf8').catch(() => null)
      if (text === null) {
        // Begun or removed by half.
        await (await findStorageDaemon(this.parts, folder))?.kill()
        await rm(folder, { recursive: true, force: true })
        continue
      }
      const record = mirrorRecordSchema.parse(JSON.parse(text))
      if (record.isKept) this.become(new KeptSide(this.parts, this.servers, record))
      else if (record.side === 'source')
        this.become(new SourceMirror(this.parts, this.servers, record))
      else this.become(this.#targetOf(record))
    }
  }

  /** In place of what this side of the mirror was. */
  become(side: Side): void {
    this.#sides.set(keyOf(side.record), side)
    side.run()
  }

  of(mirror: Mirror): Side | null {
    return this.#sides.get(keyOf(mirror)) ?? null
  }

  source(mirror: Mirror): SourceMirror | null {
    const side = this.of(mirror)
    return side instanceof SourceMirror ? side : null
  }

  target(mirror: Mirror): TargetMirror | null {
    const side = this.of(mirror)
    return side instanceof TargetMirror ? side : null
  }

  ofDisk(vdi: string): Side | null {
    return this.all().find(({ record }) => record.vdi === vdi) ?? null
  }

  all(): readonly Side[] {
    return [...this.#sides.values()]
  }

  /** Target: nobody but the mirror writes to the volume from now on. @throws BUSY while a VM uses the disk */
  async offer(mirror: Mirror): Promise<void> {
    const { disk } = mirror
    const record = this.servers.record(disk.vdi)
    if (record?.mode === 'serving' && record.isActivated && !(await isUnused(this, disk.vdi)))
      throw busy(disk.vdi)
    if (!this.target(mirror)) {
      const board = await this.#endKept(mirror)
      const begun = newTargetRecord(mirror)
      const target = this.#targetOf(begun, board)
      await target.create()
      this.become(target)
    }
    if (await this.target(mirror)?.isOver()) return
    const isActivated = record?.isActivated ?? false
    await this.servers.put(newDiskRecord(disk, 'mirrored', isActivated))
  }

  #targetOf(record: TargetRecord, board?: StatusBoard): TargetMirror {
    return new TargetMirror(this.parts, this.servers, record, () => this.#freePorts(), board)
  }

  /** The port of a mirror is its own also while nobody listens on it: its source will come back to it. */
  #freePorts(): readonly number[] {
    const { from, to } = this.parts.ports
    const told = this.all().map(({ record }) => (record.side === 'target' ? record.port : null))
    const range = Array.from({ length: to - from + 1 }, (_, index) => from + index)
    return range.filter((port) => !told.includes(port))
  }

  async prepare(mirror: Mirror): Promise<MirrorHello> {
    if (this.source(mirror)) return {}
    const kept = this.of(mirror)?.record
    const board = await this.#endKept(mirror)
    const { session, base } = kept?.side === 'source' ? kept : { session: 0, base: 0 }
    const begun = { ...newSourceRecord(mirror), session, base }
    const source = new SourceMirror(this.parts, this.servers, begun, board)
    await source.create()
    this.become(source)
    return {}
  }

  /** It is begun again: whoever watches it sees it go on. @throws HANDOVER_REFUSED with the sides exchanged */
  async #endKept(mirror: Mirror): Promise<StatusBoard> {
    const kept = this.of(mirror)
    if (kept !== null && kept.record.side !== mirror.side) {
      const reason = `mirror ${mirror.id} is not the ${mirror.side} here`
      throw new CrosspoolError('HANDOVER_REFUSED', { reason })
    }
    await kept?.stop()
    kept?.board.set({ state: 'connecting', reason: null })
    return kept?.board ?? createStatusBoard()
  }

  async accept(mirror: Mirror): Promise<MirrorHello> {
    await this.offer(mirror)
    const target = this.target(mirror)
    if (!target) throw notThere(mirror)
    return { ...(await target.accept()) }
  }

  async start(mirror: Mirror, welcome: MirrorHello): Promise<void> {
    const parsed = welcomeSchema.safeParse(welcome)
    if (!parsed.success)
      throw new CrosspoolError('BAD_REQUEST', { reason: 'the target tells no address and port' })
    await this.prepare(mirror)
    await this.source(mirror)?.start(parsed.data)
  }

  watch(mirror: Mirror, listener: (status: MirrorStatus) => void): () => void {
    const side = this.of(mirror)
    if (side) return side.board.watch(listener)
    listener(missing)
    return () => {}
  }

  async close(mirror: Mirror, keep: 'volume' | 'nothing'): Promise<void> {
    const side = this.of(mirror)
    if (side) await this.end(side, keep === 'volume' ? 'serving' : 'fenced')
  }

  /** Takes one side out; its disk's device, if it has one, goes on in this mode. */
  async end(side: Side, mode: DiskMode): Promise<void> {
    const { id, vdi } = side.record
    await side.stop()
    const record = this.servers.record(vdi)
    if (record?.isActivated) {
      await this.servers.put({ ...record, mode })
      const { qmp } = this.servers.daemon(vdi)
      await forgetDifferences(qmp, id)
      await forgetBases(qmp, id)
    } else await this.servers.remove(vdi)
    await side.remove()
    this.#sides.delete(keyOf(side.record))
    side.board.set({ state: 'failed', reason: missing.reason })
  }

  /** Leaves everything running. */
  disconnect(): void {
    for (const side of this.all()) side.disconnect()
  }
}

function keyOf({ id, end }: Pick<Mirror, 'id' | 'end'>): string {
  return `${id}-${end}`
}

function notThere({ id }: Mirror): CrosspoolError {
  return new CrosspoolError('NOT_FOUND', { kind: 'mirror', id })
}

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../lib/write-durably.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { cutExport } from './block-commands.ts'
import { nodes } from './block-nodes.ts'
import { type DiskRecord, diskRecordSchema } from './disk-record.ts'
import { namesIn } from './names-in.ts'
import type { Parts } from './parts.ts'
import { diskFolder, diskSocket, disksDirectory } from './places.ts'
import { shapeServer } from './shape-server.ts'
import { findStorageDaemon, type StorageDaemon, startStorageDaemon } from './storage-daemon.ts'

interface Server {
  readonly record: DiskRecord
  readonly daemon: StorageDaemon
}

/** The storage daemons of this host's disks, one for each. The callers hold the VDI's lock. */
export class DiskServers {
  readonly #parts: Parts
  readonly #servers = new Map<string, Server>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Finds what an earlier program has left running; what has died meanwhile is started again. */
  async resume(): Promise<void> {
    const { lock } = this.#parts
    const vdis = await namesIn(disksDirectory(this.#parts))
    await Promise.all(vdis.map((vdi) => lock.run([vdi], async () => this.#resumeOne(vdi))))
  }

  record(vdi: string): DiskRecord | null {
    return this.#servers.get(vdi)?.record ?? null
  }

  /** @throws NOT_FOUND */
  daemon(vdi: string): StorageDaemon {
    const server = this.#servers.get(vdi)
    if (!server) throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: vdi })
    return server.daemon
  }

  /** Records it, then brings the storage daemon there. @throws BUSY when the volume is open elsewhere; the record then stands */
  async put(record: DiskRecord): Promise<void> {
    this.#parts.closing.throwIfAborted()
    const { vdi } = record.disk
    const path = join(diskFolder(this.#parts, vdi), recordName)
    const daemon = await this.#running(vdi, record)
    await replaceFile(path, JSON.stringify(record))
    this.#servers.set(vdi, { record, daemon })
    await this.#shape(record, daemon)
  }

  /**
   * While `act` runs the VM waits, and nothing of it is under way. Nothing is recorded: a program that
   * is started anew lets the VM go on.
   */
  async holding(vdi: string, act: () => Promise<void>): Promise<void> {
    const { clock } = this.#parts
    try {
      await cutExport(this.daemon(vdi).qmp, clock, nodes.vm)
      await act()
    } finally {
      const record = this.record(vdi)
      if (record) await this.put(record)
    }
  }

  /** Ends the storage daemon, and nothing of it is left. */
  async remove(vdi: string): Promise<void> {
    this.#parts.closing.throwIfAborted()
    const server = this.#servers.get(vdi)
    this.#servers.delete(vdi)
    const folder = diskFolder(this.#parts, vdi)
    await rm(join(folder, recordName), { force: true })
    await server?.daemon.end()
    await rm(folder, { recursive: true, force: true })
  }

  /** Leaves everything running. */
  disconnect(): void {
    for (const { daemon } of this.#servers.values()) daemon.qmp.close()
  }

  async #resumeOne(vdi: string): Promise<void> {
    const folder = diskFolder(this.#parts, vdi)
    const found = await findStorageDaemon(this.#parts, folder)
    const text = await readFile(join(folder, recordName), 'utf8').catch(() => null)
    if (text === null) {
      // Begun or removed by half: without a record nobody uses it.
      await found?.end()
      await rm(folder, { recursive: true, force: true })
      return
    }
    const record = diskRecordSchema.parse(JSON.parse(text))
    if (found) this.#note(record, found)
    await this.#bringUp(record)
  }

  async #shape(record: DiskRecord, { qmp }: StorageDaemon): Promise<void> {
    const socket = diskSocket(this.#parts, record.disk.vdi)
    await shapeServer(qmp, this.#parts.clock, record, socket)
  }

  /** The one that is there, or a new one. */
  async #running(vdi: string, record: DiskRecord): Promise<StorageDaemon> {
    const present = this.#servers.get(vdi)
    if (present && !present.daemon.hasEnded) return present.daemon
    const daemon = await startStorageDaemon(this.#parts, diskFolder(this.#parts, vdi))
    this.#note(record, daemon)
    return daemon
  }

  /** A VM whose storage daemon has died waits until there is one again. */
  #note(record: DiskRecord, daemon: StorageDaemon): void {
    const { lock, log } = this.#parts
    const { vdi } = record.disk
    this.#servers.set(vdi, { record, daemon })
    void daemon.qmp.closed.then(async () => {
      await lock.run([vdi], async () => {
        const server = this.#servers.get(vdi)
        if (this.#parts.closing.aborted || server?.daemon !== daemon) return
        log.warn({ vdi }, 'the storage daemon of a disk has died and is started again')
        await this.#bringUp(server.record)
      })
    })
  }

  /** Tries until it is what is recorded, or something else is. */
  async #bringUp(record: DiskRecord): Promise<void> {
    const { clock, lock, log, timing } = this.#parts
    const { vdi } = record.disk
    try {
      await this.#shape(record, await this.#running(vdi, record))
    } catch (error) {
      log.error({ vdi, error }, 'a disk could not be brought to what is recorded')
      const again = async () => {
        await clock.sleep(timing.retryMs, this.#parts.closing)
        await lock.run([vdi], async () => {
          if (!this.#parts.closing.aborted && this.record(vdi) === record)
            await this.#bringUp(record)
        })
      }
      again().catch(() => {})
    }
  }
}

const recordName = 'disk.json'

import { CrosspoolError } from '../../model/errors.ts'
import type { Disk } from '../../ports/datapath.ts'
import {
  addSecondWay,
  connectToucher,
  findCopier,
  layCopier,
  removeCopier,
  type Toucher,
} from './copier.ts'
import type { DiskServers } from './disk-servers.ts'
import { startMirror } from './mirror-job.ts'
import type { Parts } from './parts.ts'
import { diskSocket } from './places.ts'

const touchedBytesMax = 32 * 1024 * 1024
const touchedBytesMin = 1024 * 1024
/** When no more is left than one piece may have, so much of the disk is touched at once: most disks are the same but for little. */
const lastBytesMax = 1024 * 1024 * 1024
/** With a limit, so many pieces are touched in a second. */
const pieces = 4

/** Copies to the target what differs, beside a mirror that has just begun. The callers hold the VDI's lock. */
export class CatchUp {
  readonly #parts: Parts
  readonly #servers: DiskServers
  readonly #vdi: string
  #stopping: AbortController | null = null
  #mostBytes = 0
  bytesPerSecondMax: number | null = null
  /** Of the present one, or the last. */
  copiedBytes = 0
  leftBytes = 0

  constructor(parts: Parts, servers: DiskServers, vdi: string) {
    this.#parts = parts
    this.#servers = servers
    this.#vdi = vdi
  }

  get isRunning(): boolean {
    return this.#stopping !== null
  }

  /** It was begun and cannot go on: nobody knows what the mirror lacks. */
  async isBroken(): Promise<boolean> {
    return (await findCopier(this.#qmp))?.isLaid === false
  }

  /** Begins the mirror, and what copies beside it what is in a bitmap of `vm`. */
  async begin(socket: string, bitmap: string): Promise<void> {
    await addSecondWay(this.#qmp, socket)
    await startMirror(this.#qmp, 'none')
    await layCopier(this.#qmp, this.#disk, bitmap)
  }

  /** Goes on with what there is to copy. `onEnd`: everything is across, or why it is not. */
  async run(onEnd: (error: unknown) => void): Promise<void> {
    if (this.isRunning || (await findCopier(this.#qmp)) === null) return
    const stopping = new AbortController()
    this.#stopping = stopping
    await this.readProgress()
    const end = (error: unknown) => {
      if (!stopping.signal.aborted) onEnd(error)
    }
    this.#copy(stopping.signal).then(() => end(null), end)
  }

  async readProgress(): Promise<void> {
    const copier = this.isRunning ? await findCopier(this.#qmp) : null
    if (copier === null) return
    this.leftBytes = copier.leftBytes
    this.#mostBytes = Math.max(this.#mostBytes, copier.leftBytes)
    this.copiedBytes = this.#mostBytes - copier.leftBytes
  }

  /** Nothing of it is left. The connections to the target have gone, or it has ended. */
  async clear(): Promise<void> {
    this.#stopping?.abort()
    this.#stopping = null
    this.#mostBytes = 0
    this.copiedBytes = 0
    this.leftBytes = 0
    await removeCopier(this.#qmp, this.#parts.clock, this.#disk)
  }

  async #copy(signal: AbortSignal): Promise<void> {
    const toucher = await connectToucher(diskSocket(this.#parts, this.#vdi))
    signal.addEventListener('abort', toucher.close)
    try {
      await this.#touchAll(toucher, signal)
    } finally {
      toucher.close()
    }
    await this.#parts.lock.run([this.#vdi], async () => {
      if (!signal.aborted) await this.#finish()
    })
  }

  async #touchAll({ touch }: Toucher, signal: AbortSignal): Promise<void> {
    const { sizeBytes } = this.#disk
    for (let offset = 0; offset < sizeBytes; ) {
      signal.throwIfAborted()
      const length = Math.min(this.#pieceBytes(), sizeBytes - offset)
      const before = this.copiedBytes
      await touch(offset, length)
      await this.readProgress()
      if (this.bytesPerSecondMax !== null) {
        const dueMs = ((this.copiedBytes - before) * 1000) / this.bytesPerSecondMax
        await this.#parts.clock.sleep(dueMs, signal)
      }
      offset += length
    }
  }

  #pieceBytes(): number {
    const secondBytes = this.bytesPerSecondMax ?? Number.POSITIVE_INFINITY
    const wanted = Math.floor(secondBytes / pieces / touchedBytesMin) * touchedBytesMin
    const bytes = Math.min(touchedBytesMax, Math.max(touchedBytesMin, wanted))
    return this.leftBytes <= bytes ? lastBytesMax : bytes
  }

  async #finish(): Promise<void> {
    await this.readProgress()
    const { copiedBytes, leftBytes } = this
    if (leftBytes > 0) {
      const reason = `${leftBytes} bytes could not be written to the target`
      throw new CrosspoolError('COPY_FAILED', { reason })
    }
    this.#stopping = null
    await this.clear()
    this.copiedBytes = copiedBytes
  }

  get #qmp() {
    return this.#servers.daemon(this.#vdi).qmp
  }

  get #disk(): Disk {
    const record = this.#servers.record(this.#vdi)
    if (record === null) throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: this.#vdi })
    return record.disk
  }
}

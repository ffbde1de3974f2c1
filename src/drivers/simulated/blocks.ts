import { setImmediate } from 'node:timers/promises'
import { CrosspoolError } from '../../model/errors.ts'

/** What I/O can be sent to. A sector holds a text; one that was never written holds ''. */
export interface SimulatedDevice {
  readonly sizeBytes: number
  read(sector: number): Promise<string>
  /** Resolves when the write is acknowledged, rejects for an I/O error. */
  write(sector: number, content: string): Promise<void>
  /** What was acknowledged before outlives a loss of power. */
  flush(): Promise<void>
  /** Opens it for reading and writing. Answers how to close it. @throws where it cannot be written */
  open(): () => void
  readonly openCount: number
}

/**
 * The block devices of one simulated host: what its kernel and its disks know, whatever becomes of
 * the daemons. Drivers are views of it and may be made again at any time.
 */
export class SimulatedBlocks {
  readonly devices = new Map<string, SimulatedDevice>()
  readonly #turn: () => Promise<void>

  constructor(options: { readonly turn?: () => Promise<void> } = {}) {
    this.#turn = options.turn ?? (() => setImmediate())
  }

  /** A disk that reads as zeroes; its path may be anything. */
  addVolume(path: string, sizeBytes: number): void {
    this.devices.set(path, new SimulatedVolume(sizeBytes, this.#turn))
  }

  /** What was not flushed is gone. */
  losePower(): void {
    for (const device of this.devices.values())
      if (device instanceof SimulatedVolume) device.losePower()
  }

  removeVolume(path: string): void {
    this.devices.delete(path)
  }

  /** @throws NOT_FOUND */
  device(path: string): SimulatedDevice {
    const device = this.devices.get(path)
    if (device) return device
    throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: path })
  }

  read(path: string, sector: number): Promise<string> {
    return this.device(path).read(sector)
  }

  write(path: string, sector: number, content: string): Promise<void> {
    return this.device(path).write(sector, content)
  }
}

class SimulatedVolume implements SimulatedDevice {
  readonly sizeBytes: number
  openCount = 0
  #sectors = new Map<number, string>()
  #flushed = new Map<number, string>()
  readonly #turn: () => Promise<void>

  constructor(sizeBytes: number, turn: () => Promise<void>) {
    this.sizeBytes = sizeBytes
    this.#turn = turn
  }

  async read(sector: number): Promise<string> {
    assertWithin(this, sector)
    await this.#turn()
    return this.#sectors.get(sector) ?? ''
  }

  async write(sector: number, content: string): Promise<void> {
    assertWithin(this, sector)
    await this.#turn()
    this.#sectors.set(sector, content)
  }

  async flush(): Promise<void> {
    await this.#turn()
    this.#flushed = new Map(this.#sectors)
  }

  losePower(): void {
    this.#sectors = new Map(this.#flushed)
  }

  open(): () => void {
    return countOpen(this)
  }
}

export function countOpen(device: { openCount: number }): () => void {
  device.openCount += 1
  let isOpen = true
  return () => {
    if (isOpen) device.openCount -= 1
    isOpen = false
  }
}

export function inputOutputError(reason: string): Error {
  return new Error(`I/O error: ${reason}`)
}

function assertWithin(device: SimulatedDevice, sector: number): void {
  if (sector < 0 || sector * 512 >= device.sizeBytes)
    throw inputOutputError(`sector ${sector} is beyond the end`)
}

import type { BlockSegment, BlockTable } from '../../ports/block-mapper.ts'
import {
  countOpen,
  inputOutputError,
  type SimulatedBlocks,
  type SimulatedDevice,
} from './blocks.ts'
import { MirroredDevices } from './mirrored-devices.ts'

/** A table with the devices that it leads to, held open as long as it is loaded. */
interface BoundTable {
  readonly table: BlockTable
  readonly devices: ReadonlyMap<string, SimulatedDevice>
  readonly mirror: MirroredDevices | null
  close(): void
}

/** As device-mapper does it: a suspended device holds what comes, and a resume puts the loaded table in place. */
export class MappedDevice implements SimulatedDevice {
  openCount = 0
  isSuspended = false
  readonly #blocks: SimulatedBlocks
  #active: BoundTable
  #loaded: BoundTable | null = null
  #inFlight = 0
  /** Those who wait for the device to be resumed, and those who wait for what is in flight. */
  #held: (() => void)[] = []
  #draining: (() => void)[] = []

  constructor(blocks: SimulatedBlocks, table: BlockTable) {
    this.#blocks = blocks
    this.#active = bind(blocks, table)
  }

  get table(): BlockTable {
    return this.#active.table
  }

  get sizeBytes(): number {
    return this.table.reduce((sum, { sectors }) => sum + sectors * 512, 0)
  }

  open(): () => void {
    return countOpen(this)
  }

  read(sector: number): Promise<string> {
    return this.#pass(sector, (device, target) => device.read(target), '')
  }

  write(sector: number, content: string): Promise<void> {
    return this.#write(sector, content)
  }

  async flush(): Promise<void> {
    while (this.isSuspended) await this.#untilResumed()
    await this.#counted(async () => {
      for (const device of this.#active.devices.values()) await device.flush()
    })
  }

  load(table: BlockTable): void {
    const next = bind(this.#blocks, table)
    this.clear()
    this.#loaded = next
  }

  clear(): void {
    this.#loaded?.close()
    this.#loaded = null
  }

  async suspend(): Promise<void> {
    this.isSuspended = true
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#draining.push(resolve))
  }

  async resume(): Promise<void> {
    if (this.#loaded) {
      await this.suspend()
      const previous = this.#active
      this.#active = this.#loaded
      this.#loaded = null
      previous.close()
    }
    this.isSuspended = false
    for (const go of this.#held.splice(0)) go()
  }

  destroy(): void {
    this.clear()
    this.#active.close()
  }

  /** @throws an error where the table has no mirror */
  get mirror(): MirroredDevices {
    const { mirror } = this.#active
    if (mirror === null) throw new Error('the device has no mirror')
    return mirror
  }

  async #write(sector: number, content: string): Promise<void> {
    for (;;) {
      while (this.isSuspended) await this.#untilResumed()
      const { mirror } = this.#active
      if (mirror === null)
        return await this.#pass(
          sector,
          (device, target) => device.write(target, content),
          undefined,
        )
      if (await this.#counted(() => mirror.write(sector, content))) return
      if (this.#active.mirror === mirror) await this.#untilResumed()
    }
  }

  #untilResumed(): Promise<void> {
    return new Promise<void>((resolve) => this.#held.push(resolve))
  }

  async #counted<Result>(act: () => Promise<Result>): Promise<Result> {
    this.#inFlight += 1
    try {
      return await act()
    } finally {
      this.#inFlight -= 1
      if (this.#inFlight === 0) for (const go of this.#draining.splice(0)) go()
    }
  }

  async #pass<Result>(
    sector: number,
    act: (device: SimulatedDevice, sector: number) => Promise<Result>,
    zero: Result,
  ): Promise<Result> {
    while (this.isSuspended) await this.#untilResumed()
    return await this.#counted(async () => {
      const segment = this.table.find((each) => contains(each, sector))
      if (segment === undefined) throw inputOutputError(`sector ${sector} is beyond the end`)
      if (segment.target === 'error') throw inputOutputError('fenced')
      if (segment.target === 'zero') return zero
      const device = this.#active.devices.get(segment.device)
      if (device === undefined) throw inputOutputError(`${segment.device} is gone`)
      const offset = segment.target === 'linear' ? segment.offsetSectors : 0
      return await act(device, sector - segment.startSector + offset)
    })
  }
}

function bind(blocks: SimulatedBlocks, table: BlockTable): BoundTable {
  const devices = new Map<string, SimulatedDevice>()
  const closers: (() => void)[] = []
  const close = () => {
    for (const each of closers.splice(0)) each()
  }
  try {
    for (const { path, endSector } of table.flatMap(devicesOf)) {
      if (devices.has(path)) continue
      const device = blocks.device(path)
      if (endSector * 512 > device.sizeBytes) throw new Error(`${path} is too small`)
      closers.push(device.open())
      devices.set(path, device)
    }
  } catch (error) {
    close()
    throw error
  }
  const mirror = mirrorOf(table, devices)
  closers.push(() => mirror?.end())
  return { table, devices, mirror, close }
}

function devicesOf(segment: BlockSegment): { path: string; endSector: number }[] {
  const { target, sectors } = segment
  if (target === 'linear')
    return [{ path: segment.device, endSector: segment.offsetSectors + sectors }]
  if (target !== 'mirror') return []
  return [segment.device, segment.copy].map((path) => ({ path, endSector: sectors }))
}

function mirrorOf(
  table: BlockTable,
  devices: ReadonlyMap<string, SimulatedDevice>,
): MirroredDevices | null {
  const [segment] = table
  if (segment?.target !== 'mirror') return null
  const [from, to] = [devices.get(segment.device), devices.get(segment.copy)]
  return from && to ? new MirroredDevices(from, to, segment.sectors) : null
}

function contains({ startSector, sectors }: BlockSegment, sector: number): boolean {
  return sector >= startSector && sector < startSector + sectors
}

import { DeliveryQueue } from './delivery-queue.ts'
import { type LinkShape, Shaper, seededRandom } from './shaper.ts'
import { frameEnd, lengthBytes, SwitchPort } from './switch-port.ts'

/**
 * The wire between the hosts: an Ethernet switch in user space that QEMU's `-netdev stream` connects to. It learns
 * addresses as any switch, and any link or pair of hosts can be made slow, lossy or dead.
 *
 * All of a migration's traffic passes here, so a frame on a healthy path is neither copied nor looked at for more than
 * its addresses, and frames that follow each other to one port are written as one.
 */
export type Direction = 'both' | 'out' | 'in'

/** A host's own link, or the path between two hosts ("out" is then from the first to the second). */
export type LinkTarget = { readonly host: string } | { readonly between: readonly [string, string] }

/** Called for each broadcast frame, which is how test guests report. */
export type BroadcastListener = (frame: Buffer, portName: string) => void

export class EthernetSwitch {
  readonly #ports = new Map<string, SwitchPort>()
  readonly #portOfMac = new Map<number, SwitchPort>()
  readonly #shapers = new Map<string, Shaper>()
  readonly #queues = new Map<string, DeliveryQueue>()
  readonly #random: () => number
  readonly #onBroadcast: BroadcastListener

  constructor(onBroadcast: BroadcastListener, seed = 1) {
    this.#onBroadcast = onBroadcast
    this.#random = seededRandom(seed)
  }

  async addPort(name: string, socketPath: string): Promise<SwitchPort> {
    const port = new SwitchPort(name, (from, data) => this.#handle(from, data))
    this.#ports.set(name, port)
    await port.listen(socketPath)
    return port
  }

  close(): void {
    for (const port of this.#ports.values()) port.close()
    for (const queue of this.#queues.values()) queue.clear()
  }

  ports(): readonly SwitchPort[] {
    return [...this.#ports.values()]
  }

  /** Changes what `change` names and leaves the rest as it is. */
  shape(target: LinkTarget, direction: Direction, change: Partial<LinkShape>): void {
    for (const key of this.#shaperKeys(target, direction)) {
      const shaper = this.#shapers.get(key) ?? new Shaper(this.#random)
      shaper.shape = { ...shaper.shape, ...change }
      if (shaper.isHealthy) this.#shapers.delete(key)
      else this.#shapers.set(key, shaper)
    }
  }

  /** Makes one link, or all, healthy again. */
  heal(target?: LinkTarget): void {
    if (!target) this.#shapers.clear()
    else for (const key of this.#shaperKeys(target, 'both')) this.#shapers.delete(key)
  }

  /** All shapes that are not healthy, by "host>" (out), ">host" (in) or "host>host". */
  shapes(): Record<string, LinkShape> {
    return Object.fromEntries([...this.#shapers].map(([key, { shape }]) => [key, shape]))
  }

  #shaperKeys(target: LinkTarget, direction: Direction): string[] {
    const [first, second] = 'host' in target ? [target.host, ''] : target.between
    for (const name of [first, second]) {
      if (name !== '' && !this.#ports.has(name)) throw new Error(`the switch has no port ${name}`)
    }
    const keys: string[] = []
    if (direction !== 'in') keys.push(`${first}>${second}`)
    if (direction !== 'out') keys.push(`${second}>${first}`)
    return keys
  }

  /** Forwards the whole frames in `data` and says how many bytes they were, -1 if it cannot be frames. */
  #handle(from: SwitchPort, data: Buffer): number {
    let offset = 0
    let runStart = 0
    let runTo: SwitchPort | undefined
    const endRun = (): void => {
      if (runTo && offset > runStart) runTo.send(data.subarray(runStart, offset))
    }
    for (;;) {
      const end = frameEnd(data, offset)
      if (end <= 0) {
        endRun()
        return end < 0 ? -1 : offset
      }
      const addresses = offset + lengthBytes
      this.#portOfMac.set(data.readUIntBE(addresses + 6, 6), from)
      const isGroup = ((data[addresses] ?? 0) & 1) === 1
      const to = isGroup ? undefined : this.#portOfMac.get(data.readUIntBE(addresses, 6))
      if (to && to !== from && this.#isDirect(from, to)) {
        if (to !== runTo) {
          endRun()
          runStart = offset
          runTo = to
        }
      } else {
        endRun()
        runTo = undefined
        const frame = data.subarray(offset, end)
        if (to) {
          if (to !== from) this.#deliver(from, to, frame)
        } else this.#flood(from, frame, isGroup)
      }
      offset = end
    }
  }

  #flood(from: SwitchPort, frame: Buffer, isGroup: boolean): void {
    for (const to of this.#ports.values()) if (to !== from) this.#deliver(from, to, frame)
    if (!isGroup) return
    // The observer sits at the port itself: delay and loss are the other hosts' trouble, a cut cable is everybody's.
    if (!this.#shapers.get(`${from.name}>`)?.shape.isCut) {
      this.#onBroadcast(frame.subarray(lengthBytes), from.name)
    }
  }

  #isDirect(from: SwitchPort, to: SwitchPort): boolean {
    if (this.#shapers.size === 0 && this.#queues.size === 0) return true
    const isShaped = pathKeys(from, to).some((key) => this.#shapers.has(key))
    return !isShaped && (this.#queues.get(`${from.name}>${to.name}`)?.isEmpty ?? true)
  }

  #deliver(from: SwitchPort, to: SwitchPort, frame: Buffer): void {
    if (this.#isDirect(from, to)) {
      to.send(frame)
      return
    }
    const dueMs = this.#passThrough(pathKeys(from, to), frame.length)
    if (dueMs === undefined) return
    const key = `${from.name}>${to.name}`
    let queue = this.#queues.get(key)
    if (!queue) {
      queue = new DeliveryQueue((due) => to.send(due))
      this.#queues.set(key, queue)
    }
    // The chunk that the frame is part of may be large; waiting frames should not keep it in memory.
    queue.add(Buffer.from(frame), dueMs)
  }

  #passThrough(keys: readonly string[], sizeBytes: number): number | undefined {
    let atMs: number | undefined = performance.now()
    for (const key of keys) {
      const shaper = this.#shapers.get(key)
      if (shaper) atMs = shaper.pass(atMs, sizeBytes)
      if (atMs === undefined) return undefined
    }
    return atMs
  }
}

function pathKeys(from: SwitchPort, to: SwitchPort): string[] {
  return [`${from.name}>`, `${from.name}>${to.name}`, `>${to.name}`]
}

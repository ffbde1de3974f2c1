/** What can be wrong with one direction of a link. */
export interface LinkShape {
  readonly isCut: boolean
  readonly delayMs: number
  readonly lossPercent: number
  /** Absent: as fast as the machine is. */
  readonly bytesPerSecond?: number
}

export const healthyShape: LinkShape = { isCut: false, delayMs: 0, lossPercent: 0 }

/** A queue that is longer than this drops frames, as a router's would, so that TCP notices and slows down. */
const longestQueueMs = 200

/** One direction of one link. It has no clock and no timer: it only says when a frame would come out. */
export class Shaper {
  #shape: LinkShape = healthyShape
  #busyUntilMs = 0
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  get shape(): LinkShape {
    return this.#shape
  }

  set shape(shape: LinkShape) {
    this.#shape = shape
    this.#busyUntilMs = 0
  }

  get isHealthy(): boolean {
    const shape = this.#shape
    return (
      !shape.isCut &&
      shape.delayMs === 0 &&
      shape.lossPercent === 0 &&
      shape.bytesPerSecond === undefined
    )
  }

  /** When a frame that enters at `atMs` comes out; undefined when it never does. */
  pass(atMs: number, sizeBytes: number): number | undefined {
    const { isCut, delayMs, lossPercent, bytesPerSecond } = this.#shape
    if (isCut) return undefined
    if (lossPercent > 0 && this.#random() * 100 < lossPercent) return undefined
    if (bytesPerSecond === undefined) return atMs + delayMs
    const startMs = Math.max(atMs, this.#busyUntilMs)
    if (startMs - atMs > longestQueueMs) return undefined
    this.#busyUntilMs = startMs + (sizeBytes * 1000) / bytesPerSecond
    return this.#busyUntilMs + delayMs
  }
}

/** Random numbers that can be repeated (the "mulberry32" generator). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

import type { Direction, LinkTarget } from './network/switch.ts'
import type { AskLab } from './supervisor/client.ts'

/**
 * A host's link to the data network, or the path between two hosts. Direction "out" is from the host to the switch, or
 * from the first host to the second. The control network (ssh, forwarded ports) is never touched.
 */
export class LabLink {
  readonly #target: LinkTarget
  readonly #ask: AskLab

  constructor(target: LinkTarget, ask: AskLab) {
    this.#target = target
    this.#ask = ask
  }

  /** Pulls the cable. A host's own card notices (no carrier); between two hosts frames only vanish. */
  async cut(): Promise<void> {
    const target = this.#target
    const request = { target, direction: 'both' as const, change: { isCut: true } }
    await this.#ask('shape', 'host' in target ? { ...request, hasCarrier: false } : request)
  }

  /** Lets frames vanish, and nobody is told. With a direction the link is half open. */
  blackhole(direction: Direction = 'both'): Promise<null> {
    return this.#ask('shape', { target: this.#target, direction, change: { isCut: true } })
  }

  delay(delayMs: number, direction: Direction = 'both'): Promise<null> {
    return this.#ask('shape', { target: this.#target, direction, change: { delayMs } })
  }

  loss(lossPercent: number, direction: Direction = 'both'): Promise<null> {
    return this.#ask('shape', { target: this.#target, direction, change: { lossPercent } })
  }

  bandwidth(bytesPerSecond: number, direction: Direction = 'both'): Promise<null> {
    return this.#ask('shape', { target: this.#target, direction, change: { bytesPerSecond } })
  }

  /** Undoes everything above. */
  heal(): Promise<null> {
    return this.#ask('heal', { target: this.#target })
  }
}

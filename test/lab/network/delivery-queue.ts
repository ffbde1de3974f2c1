interface Delivery {
  readonly dueMs: number
  readonly frame: Buffer
}

/** Frames on their way from one port to another that are not due yet. Order is kept, whatever the delays become. */
export class DeliveryQueue {
  #deliveries: Delivery[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #deliver: (frame: Buffer) => void

  constructor(deliver: (frame: Buffer) => void) {
    this.#deliver = deliver
  }

  get isEmpty(): boolean {
    return this.#deliveries.length === 0
  }

  add(frame: Buffer, dueMs: number): void {
    const last = this.#deliveries.at(-1)
    this.#deliveries.push({ frame, dueMs: Math.max(dueMs, last?.dueMs ?? 0) })
    if (!this.#timer) this.#wait()
  }

  clear(): void {
    this.#deliveries = []
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wait(): void {
    const first = this.#deliveries[0]
    if (!first) return
    this.#timer = setTimeout(() => this.#release(), Math.max(0, first.dueMs - performance.now()))
  }

  #release(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    const firstLater = this.#deliveries.findIndex((delivery) => delivery.dueMs > nowMs)
    const due = firstLater < 0 ? this.#deliveries.length : firstLater
    for (const delivery of this.#deliveries.splice(0, due)) this.#deliver(delivery.frame)
    this.#wait()
  }
}

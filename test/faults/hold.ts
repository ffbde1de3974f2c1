export interface Call {
  readonly port: number
  readonly method: 'POST' | 'DELETE'
  readonly path: RegExp
}

/** Keeps one call between two daemons on its way, or its answer, so that the step that makes it lasts. */
export class Hold {
  /** The request has been held, or the answer has: whoever was asked has done it then. */
  readonly met: Promise<void>
  readonly released: Promise<void>
  readonly what: 'request' | 'answer'
  readonly #call: Call
  #meet: () => void = () => {}
  #release: () => void = () => {}

  constructor(what: 'request' | 'answer', call: Call) {
    this.what = what
    this.#call = call
    this.met = new Promise((resolve) => {
      this.#meet = resolve
    })
    this.released = new Promise((resolve) => {
      this.#release = resolve
    })
  }

  /** A request begins with a piece of its own, since ours send one after the other. */
  matches(port: number, bytes: Buffer): boolean {
    if (port !== this.#call.port) return false
    const [method, path = ''] = bytes.toString('latin1', 0, 256).split(' ', 2)
    return method === this.#call.method && this.#call.path.test(path)
  }

  meet(): void {
    this.#meet()
  }

  async wait(): Promise<void> {
    this.#meet()
    await this.released
  }

  release(): void {
    this.#release()
  }
}

import { readFile } from 'node:fs/promises'

const intervalMs = 10

/** Notes how much has gone through loopback, in the network namespace of the benchmark alone. */
export class WireWatch {
  readonly #notes: { readonly atMs: number; readonly bytes: number }[] = []
  readonly #running: Promise<void>
  #isStopped = false

  constructor() {
    this.#running = this.#watch()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  between(fromMs: number, toMs: number): number {
    return this.#at(toMs) - this.#at(fromMs)
  }

  /** Linear between two notes would promise more than they know: the next one counts. */
  #at(ms: number): number {
    return (this.#notes.find(({ atMs }) => atMs >= ms) ?? this.#notes.at(-1))?.bytes ?? 0
  }

  async #watch(): Promise<void> {
    while (!this.#isStopped) {
      const bytes = await loopbackBytes()
      this.#notes.push({ atMs: performance.timeOrigin + performance.now(), bytes })
      await new Promise((resolve) => setTimeout(resolve, intervalMs))
    }
  }
}

async function loopbackBytes(): Promise<number> {
  const text = await readFile('/proc/self/net/dev', 'utf8')
  const received = /^\s*lo:\s*(\d+)/m.exec(text)?.[1]
  if (received === undefined) throw new Error('there is no loopback')
  return Number(received)
}

import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hold } from './hold.ts'

/** `frozen`: nothing comes through and nobody is told; `cut`: everything is reset. */
export type LinkState = 'open' | 'slow' | 'frozen' | 'cut'

const delayMs = 50
/** As after a lost packet that TCP sends again late: each so many-th piece. */
const stall = { everyPieces: 64, ms: 400 }
/** What may be on its way in each direction while the link is slow. */
const piecesOnTheWay = 32

interface Piece {
  readonly bytes: Buffer
  readonly dueMs: number
}

/** Stands at another address of loopback, and passes on what comes to the same port of 127.0.0.1. */
export class Relay {
  readonly #address: string
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #holds = new Set<Hold>()
  #state: LinkState = 'open'
  #thaw: Promise<void> = Promise.resolve()
  #melt: () => void = () => {}
  #pieces = 0

  constructor(address: string) {
    this.#address = address
  }

  async listen(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (near) => this.#serve(near, port))
    this.#servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, this.#address, resolve)
    })
  }

  add(hold: Hold): void {
    this.#holds.add(hold)
  }

  remove(hold: Hold): void {
    this.#holds.delete(hold)
  }

  become(state: LinkState): void {
    this.#state = state
    this.#melt()
    if (state === 'frozen') {
      this.#thaw = new Promise((resolve) => {
        this.#melt = resolve
      })
    }
    if (state === 'cut') for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#melt()
  }

  #serve(near: Socket, port: number): void {
    if (this.#state === 'cut') {
      near.resetAndDestroy()
      return
    }
    const far = tcpConnect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const answers: { held: Promise<void> | undefined; met: () => void } = {
      held: undefined,
      met: () => {},
    }
    const atRequest = async (bytes: Buffer) => {
      for (const hold of this.#holds) {
        if (!hold.matches(port, bytes)) continue
        this.#holds.delete(hold)
        if (hold.what === 'request') await hold.wait()
        else Object.assign(answers, { held: hold.released, met: () => hold.meet() })
      }
    }
    const atAnswer = async () => {
      answers.met()
      await answers.held
    }
    void this.#pass(near, far, atRequest)
    void this.#pass(far, near, atAnswer)
  }

  async #pass(from: Socket, to: Socket, look: (bytes: Buffer) => Promise<void>): Promise<void> {
    this.#sockets.add(from)
    const link = this
    try {
      await pipeline(
        from,
        this.#stamps(),
        async function* (pieces: AsyncIterable<Piece>) {
          for await (const { bytes, dueMs } of pieces) {
            await look(bytes)
            await link.#passable(dueMs)
            yield bytes
          }
          await link.#passable(0)
        },
        to,
      )
    } catch {
      // One end has gone without a word: so must the other hear of it.
      to.resetAndDestroy()
      from.destroy()
    } finally {
      this.#sockets.delete(from)
    }
  }

  /** Notes of each piece when it is to arrive, so that pieces follow one another as on a long link. */
  #stamps(): Transform {
    return new Transform({
      readableObjectMode: true,
      readableHighWaterMark: piecesOnTheWay,
      transform: (bytes: Buffer, _encoding, done) => {
        const piece: Piece = { bytes, dueMs: this.#dueMs() }
        done(null, piece)
      },
    })
  }

  #dueMs(): number {
    if (this.#state !== 'slow') return 0
    this.#pieces += 1
    const late = this.#pieces % stall.everyPieces === 0 ? stall.ms : 0
    return performance.now() + delayMs + late
  }

  async #passable(dueMs: number): Promise<void> {
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    while (this.#state === 'frozen') await this.#thaw
  }
}

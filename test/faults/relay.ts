import {
  createServer,
  type NetConnectOpts,
  type Server,
  type Socket,
  connect as tcpConnect,
} from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket, connect as tlsConnect } from 'node:tls'
import type { Identity } from '../../src/lib/identity.ts'
import type { Hold } from './hold.ts'

/** `frozen`: nothing comes through and nobody is told; `cut`: everything is reset. */
export type LinkState = 'open' | 'slow' | 'frozen' | 'cut'

const delayMs = 50
/** As after a lost packet that TCP sends again late: each so many-th piece. */
const stall = { everyPieces: 64, ms: 400 }
/** What may be on its way in each direction while the link is slow. */
const piecesOnTheWay = 32
/** TLS gives its data in records, of which so many make the piece that a plain connection gives at once. */
const record = { bytes: 16_384, inPiece: 4 }

interface Piece {
  readonly bytes: Buffer
  readonly dueMs: number
}

/** Whom it plays towards either end, so that it can read what is encrypted. */
export interface Masks {
  readonly server: () => Promise<Identity>
  readonly client: () => Promise<Identity>
}

interface Way {
  /** Names it. */
  readonly port: number
  readonly far: NetConnectOpts
  readonly masks?: Masks
}

/** One end of what it passes on: what is said, and the connection below. */
interface End {
  readonly stream: Socket
  readonly raw: Socket
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

  async listen(port: number, masks?: Masks): Promise<void> {
    const far = { port, host: '127.0.0.1', allowHalfOpen: true }
    await this.#open({ port, far, ...(masks ? { masks } : {}) }, { port, host: this.#address })
  }

  /** The same between Unix sockets; `port` only names it. */
  async listenOnSocket(port: number, path: string, farPath: string): Promise<void> {
    await this.#open({ port, far: { path: farPath, allowHalfOpen: true } }, { path })
  }

  async #open(way: Way, place: { path: string } | { port: number; host: string }): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (near) => void this.#serve(near, way))
    this.#servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(place, resolve)
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
    if (state === 'cut') for (const socket of this.#sockets) reset(socket)
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#melt()
  }

  async #serve(near: Socket, { port, far: place, masks }: Way): Promise<void> {
    if (this.#state === 'cut') {
      reset(near)
      return
    }
    const far = tcpConnect(place)
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.#sockets.delete(socket))
    }
    // Who is not there answers no handshake: the other side must hear of it at once.
    if (masks && !(await isConnected(far))) return reset(near)
    const [nearEnd, farEnd] = masks
      ? await masked(near, far, masks)
      : [
          { stream: near, raw: near },
          { stream: far, raw: far },
        ]
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
    void this.#pass(nearEnd, farEnd, atRequest)
    void this.#pass(farEnd, nearEnd, atAnswer)
  }

  async #pass(from: End, to: End, look: (bytes: Buffer) => Promise<void>): Promise<void> {
    const link = this
    try {
      await pipeline(
        from.stream,
        this.#stamps(from.stream !== from.raw),
        async function* (pieces: AsyncIterable<Piece>) {
          for await (const { bytes, dueMs } of pieces) {
            await look(bytes)
            await link.#passable(dueMs)
            yield bytes
          }
          await link.#passable(0)
        },
        to.stream,
      )
    } catch {
      // One end has gone without a word: so must the other hear of it.
      reset(to.raw)
      from.raw.destroy()
    }
  }

  /** Notes of each piece when it is to arrive, so that pieces follow one another as on a long link. */
  #stamps(inRecords: boolean): Transform {
    return new Transform({
      readableObjectMode: true,
      readableHighWaterMark: piecesOnTheWay * (inRecords ? record.inPiece : 1),
      transform: (bytes: Buffer, _encoding, done) => {
        const piece: Piece = {
          bytes,
          dueMs: this.#dueMs(inRecords && bytes.length === record.bytes),
        }
        done(null, piece)
      },
    })
  }

  #dueMs(isRecord: boolean): number {
    if (this.#state !== 'slow') return 0
    this.#pieces += isRecord ? 1 / record.inPiece : 1
    const late = this.#pieces % stall.everyPieces === 0 ? stall.ms : 0
    return performance.now() + delayMs + late
  }

  async #passable(dueMs: number): Promise<void> {
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    while (this.#state === 'frozen') await this.#thaw
  }
}

/** A Unix socket cannot be reset. */
function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy()
  else socket.resetAndDestroy()
}

function isConnected(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('close', () => resolve(false))
  })
}

async function masked(near: Socket, far: Socket, masks: Masks): Promise<[End, End]> {
  const [server, client] = await Promise.all([masks.server(), masks.client()])
  const own = ({ certificate: cert, key }: Identity) => ({ cert, key, rejectUnauthorized: false })
  const nearStream = new TLSSocket(near, { isServer: true, requestCert: true, ...own(server) })
  const farStream = tlsConnect({ socket: far, ...own(client) })
  for (const stream of [nearStream, farStream]) stream.on('error', () => {})
  return [
    { stream: nearStream, raw: near },
    { stream: farStream, raw: far },
  ]
}

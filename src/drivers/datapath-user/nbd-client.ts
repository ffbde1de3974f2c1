import { connect, type Socket } from 'node:net'
import { createByteQueue } from './byte-queue.ts'

/**
 * A small client of the Network Block Device protocol, fixed newstyle, over a Unix socket:
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */
export interface NbdClient {
  readonly sizeBytes: number
  /** Resolves when the connection has gone, or `close` was called. */
  readonly closed: Promise<void>
  /** @throws NbdError when the server answers an error or the connection goes */
  read(offsetBytes: number, lengthBytes: number): Promise<Buffer>
  write(offsetBytes: number, data: Buffer): Promise<void>
  flush(): Promise<void>
  discard(offsetBytes: number, lengthBytes: number): Promise<void>
  close(): void
}

export class NbdError extends Error {
  /** Of the protocol, which are those of Linux; null when there was no answer. */
  readonly errorNumber: number | null

  constructor(message: string, errorNumber: number | null = null) {
    super(message)
    this.name = 'NbdError'
    this.errorNumber = errorNumber
  }
}

const optionMagic = 0x49484156454f5054n
const greetingMagic = 0x4e42444d41474943n
const optionReplyMagic = 0x0003e889045565a9n
const requestMagic = 0x25609513
const replyMagic = 0x67446698
const fixedNewstyleWithoutZeroes = 3
const optionGo = 7
const reply = { acknowledge: 1, information: 3, errors: 0x80000000 } as const
const informationExport = 0
const command = { read: 0, write: 1, disconnect: 2, flush: 3, discard: 4 } as const
const optionReplyBytesMax = 64 * 1024

/** @throws NbdError when nobody is there or there is no such export */
export async function connectNbd(path: string, exportName: string): Promise<NbdClient> {
  const socket = connect(path)
  const connection = new Connection(socket)
  try {
    await connection.negotiate(exportName)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

interface Waiting {
  readonly answerBytes: number
  resolve(answer: Buffer): void
  reject(error: Error): void
}

class Connection implements NbdClient {
  sizeBytes = 0
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #bytes = createByteQueue()
  readonly #waiting = new Map<bigint, Waiting>()
  #lastHandle = 0n
  #failure = new NbdError('the connection has been closed')

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#bytes.push(chunk))
    socket.on('error', (error) => {
      this.#failure = new NbdError(error.message)
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#bytes.end(this.#failure)
        for (const { reject } of this.#waiting.values()) reject(this.#failure)
        this.#waiting.clear()
        resolve()
      })
    })
  }

  async negotiate(exportName: string): Promise<void> {
    const greeting = await this.#bytes.take(18)
    if (
      greeting.readBigUInt64BE(0) !== greetingMagic ||
      greeting.readBigUInt64BE(8) !== optionMagic
    )
      throw new NbdError('this is no NBD server')
    const name = Buffer.from(exportName)
    const hello = Buffer.alloc(4 + 16 + 4 + name.length + 2)
    hello.writeUInt32BE(fixedNewstyleWithoutZeroes, 0)
    hello.writeBigUInt64BE(optionMagic, 4)
    hello.writeUInt32BE(optionGo, 12)
    hello.writeUInt32BE(4 + name.length + 2, 16)
    hello.writeUInt32BE(name.length, 20)
    name.copy(hello, 24)
    this.#socket.write(hello)
    while (!(await this.#readOptionReply())) {}
    void this.#readReplies()
  }

  read(offsetBytes: number, lengthBytes: number): Promise<Buffer> {
    return this.#request(command.read, offsetBytes, lengthBytes)
  }

  async write(offsetBytes: number, data: Buffer): Promise<void> {
    await this.#request(command.write, offsetBytes, data.length, data)
  }

  async flush(): Promise<void> {
    await this.#request(command.flush, 0, 0)
  }

  async discard(offsetBytes: number, lengthBytes: number): Promise<void> {
    await this.#request(command.discard, offsetBytes, lengthBytes)
  }

  close(): void {
    this.#socket.destroy()
  }

  /** True after the last one. */
  async #readOptionReply(): Promise<boolean> {
    const head = await this.#bytes.take(20)
    const type = head.readUInt32BE(12)
    const lengthBytes = head.readUInt32BE(16)
    if (head.readBigUInt64BE(0) !== optionReplyMagic || lengthBytes > optionReplyBytesMax)
      throw new NbdError('the NBD server answers something else')
    const data = await this.#bytes.take(lengthBytes)
    if (type >= reply.errors) throw new NbdError(data.toString() || `refused: ${type}`)
    if (type === reply.information && data.readUInt16BE(0) === informationExport)
      this.sizeBytes = Number(data.readBigUInt64BE(2))
    return type === reply.acknowledge
  }

  async #request(type: number, offset: number, length: number, data?: Buffer): Promise<Buffer> {
    if (this.#socket.destroyed) throw this.#failure
    this.#lastHandle += 1n
    const handle = this.#lastHandle
    const head = Buffer.alloc(28)
    head.writeUInt32BE(requestMagic, 0)
    head.writeUInt16BE(type, 6)
    head.writeBigUInt64BE(handle, 8)
    head.writeBigUInt64BE(BigInt(offset), 16)
    head.writeUInt32BE(length, 24)
    const answerBytes = type === command.read ? length : 0
    return await new Promise((resolve, reject) => {
      this.#waiting.set(handle, { answerBytes, resolve, reject })
      this.#socket.write(data ? Buffer.concat([head, data]) : head)
    })
  }

  async #readReplies(): Promise<void> {
    try {
      for (;;) {
        const head = await this.#bytes.take(16)
        const handle = head.readBigUInt64BE(8)
        const waiting = this.#waiting.get(handle)
        if (head.readUInt32BE(0) !== replyMagic || !waiting)
          throw new NbdError('the NBD server answers something else')
        const errorNumber = head.readUInt32BE(4)
        const answer = await this.#bytes.take(errorNumber === 0 ? waiting.answerBytes : 0)
        this.#waiting.delete(handle)
        if (errorNumber === 0) waiting.resolve(answer)
        else
          waiting.reject(new NbdError(`the NBD server answers error ${errorNumber}`, errorNumber))
      }
    } catch {
      this.close()
    }
  }
}

import { createServer, type Server, type Socket } from 'node:net'

/** Frames on QEMU's stream network each follow their length, a 32-bit big-endian number. */
export const lengthBytes = 4
const longestFrameBytes = 70_000

/** When a host reads too slowly, or not at all, frames beyond this are dropped as a switch does. */
const fullQueueBytes = 4 * 1024 * 1024

/** One socket of the switch. A host that starts again connects anew and takes the place of its old connection. */
export class SwitchPort {
  readonly name: string
  droppedFrames = 0
  receivedBytes = 0
  sentBytes = 0
  readonly #server: Server
  readonly #handleChunk: (port: SwitchPort, chunk: Buffer) => number
  #socket: Socket | undefined
  #rest: Buffer | undefined

  /** `handleChunk` gets what arrived and says how much of it was whole frames. */
  constructor(name: string, handleChunk: (port: SwitchPort, chunk: Buffer) => number) {
    this.name = name
    this.#handleChunk = handleChunk
    this.#server = createServer((socket) => this.#accept(socket))
  }

  listen(path: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#server.once('error', failed)
      this.#server.listen(path, done)
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#server.close()
  }

  get isConnected(): boolean {
    return this.#socket !== undefined
  }

  /** Sends bytes that are one or more whole frames with their lengths. */
  send(frames: Buffer): void {
    const socket = this.#socket
    if (!socket || socket.writableLength > fullQueueBytes) {
      this.droppedFrames += 1
      return
    }
    this.sentBytes += frames.length
    socket.write(frames)
  }

  #accept(socket: Socket): void {
    this.#socket?.destroy()
    this.#socket = socket
    this.#rest = undefined
    socket.on('data', (chunk) => this.#receive(chunk))
    // A host that is killed resets the connection; there is nothing to do about it but to forget the socket.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
    })
  }

  #receive(chunk: Buffer): void {
    this.receivedBytes += chunk.length
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    const used = this.#handleChunk(this, data)
    if (used < 0) {
      this.#socket?.destroy()
      return
    }
    this.#rest = used < data.length ? data.subarray(used) : undefined
  }
}

/** Offset behind the frame that starts at `offset`; 0 when it is not there as a whole, -1 when it cannot be a frame. */
export function frameEnd(data: Buffer, offset: number): number {
  if (offset + lengthBytes > data.length) return 0
  const size = data.readUInt32BE(offset)
  if (size > longestFrameBytes || size < 14) return -1
  const end = offset + lengthBytes + size
  return end <= data.length ? end : 0
}

import { createServer, type Server, type Socket } from 'node:net'
import type { Observer } from '../lab/network/observer.ts'
import { frameEnd, lengthBytes } from '../lab/network/switch-port.ts'

/**
 * The network of one host's guests, on a Unix socket that QEMU's `-netdev stream` connects to, once
 * for each interface. Nothing is forwarded: guests only tell, and the observer listens.
 */
export class GuestNetwork {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(host: string, observer: Observer) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      const receive = frameReader((frame) => observer.see(frame, host))
      socket.on('data', (chunk) => {
        if (!receive(chunk)) socket.destroy()
      })
      // A QEMU that is killed resets the connection; there is nothing to do about it but to forget it.
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async open(host: string, path: string, observer: Observer): Promise<GuestNetwork> {
    const network = new GuestNetwork(host, observer)
    await new Promise<void>((listening, failed) => {
      network.#server.once('error', failed)
      network.#server.listen(path, listening)
    })
    return network
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

/** Answers whether what came can be frames at all. */
export function frameReader(onFrame: (frame: Buffer) => void): (chunk: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let offset = 0
    for (;;) {
      const end = frameEnd(data, offset)
      if (end < 0) return false
      if (end === 0) break
      onFrame(data.subarray(offset + lengthBytes, end))
      offset = end
    }
    rest = data.subarray(offset)
    return true
  }
}

import { connect, createServer, type Server, type Socket } from 'node:net'

/** A link between two hosts of a test, through which each port is reached by another one. */
export interface TestLink {
  /** Answers the port that leads to this one. */
  route(port: number): Promise<number>
  /** Nothing comes through, and nobody is told. What was under way comes late, as with a real link. */
  cut(): void
  mend(): void
  /** Both ways together. */
  carriedBytes(): number
  close(): void
}

export function createTestLink(): TestLink {
  const servers = new Map<number, Server>()
  const sockets = new Set<Socket>()
  let isCut = false
  let bytes = 0

  function pass(from: Socket, to: Socket): void {
    sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (!to.destroyed) to.write(chunk)
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroySoon()
    })
    if (isCut) from.pause()
  }

  function serve(port: number): Server {
    return createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      pass(near, far)
      pass(far, near)
    })
  }

  return {
    async route(port) {
      const server = servers.get(port) ?? serve(port)
      if (!servers.has(port)) {
        servers.set(port, server)
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      }
      const address = server.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      return address.port
    },
    cut() {
      isCut = true
      for (const socket of sockets) socket.pause()
    },
    mend() {
      isCut = false
      for (const socket of sockets) socket.resume()
    },
    carriedBytes: () => bytes,
    close() {
      for (const socket of sockets) socket.destroy()
      for (const server of servers.values()) server.close()
    },
  }
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface Connections {
  track(server: Server): Server
  /** From now on no connection stays without a request that is being answered; after `graceMs` none at all. */
  close(graceMs: number): void
}

/**
 * Knows which connections wait for an answer. Node's own `closeIdleConnections` passes over those
 * that have not asked anything yet (browsers and `fetch` open some in advance) and over those that
 * become idle later; with either, the server would not close for minutes.
 */
export function createConnections(): Connections {
  const answering = new Map<Socket, number>()
  let isClosing = false

  function count(socket: Socket, difference: number): void {
    const requests = answering.get(socket)
    if (requests === undefined) return
    answering.set(socket, requests + difference)
    if (isClosing && requests + difference === 0) socket.destroy()
  }

  return {
    track(server) {
      server.on('connection', (socket: Socket) => {
        answering.set(socket, 0)
        socket.once('close', () => answering.delete(socket))
      })
      server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
        count(socket, 1)
        response.once('close', () => count(socket, -1))
      })
      return server
    },

    close(graceMs) {
      isClosing = true
      for (const [socket, requests] of answering) if (requests === 0) socket.destroy()
      setTimeout(() => {
        for (const socket of answering.keys()) socket.destroy()
      }, graceMs).unref()
    },
  }
}

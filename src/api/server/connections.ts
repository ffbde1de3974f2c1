import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionLimits } from './limits.ts'

/** Connections over a Unix socket come from nowhere. */
const unixSocket = ''
const ownAddresses: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

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
export function createConnections(limits: ConnectionLimits): Connections {
  const answering = new Map<Socket, number>()
  const perAddress = new Map<string, number>()
  let isClosing = false

  function count(socket: Socket, difference: number): void {
    const requests = answering.get(socket)
    if (requests === undefined) return
    answering.set(socket, requests + difference)
    if (isClosing && requests + difference === 0) socket.destroy()
  }

  function countFromOthers(): number {
    const others = [...perAddress].filter(([address]) => !ownAddresses.has(address))
    return others.reduce((sum, [, count]) => sum + count, 0)
  }

  // Nobody from elsewhere can shut out who connects from the host itself.
  function admit(socket: Socket): boolean {
    const { remoteAddress: address = unixSocket } = socket
    if (address === unixSocket) return true
    const fromThere = perAddress.get(address) ?? 0
    if (fromThere >= limits.perAddress) return false
    if (!ownAddresses.has(address) && countFromOthers() >= limits.total) return false
    perAddress.set(address, fromThere + 1)
    socket.once('close', () => {
      const left = (perAddress.get(address) ?? 1) - 1
      if (left > 0) perAddress.set(address, left)
      else perAddress.delete(address)
    })
    return true
  }

  return {
    track(server) {
      server.on('connection', (socket: Socket) => {
        if (!admit(socket)) return void socket.destroy()
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

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionLimits } from './limits.ts'

/** Connections over a Unix socket come from nowhere. */
const unixSocket = ''
const ownAddresses: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

export interface Connections {
  /** `isLocal`: whoever connects has been let in by the mode of a socket's file. */
  track(server: Server, isLocal: boolean): Server
  isLocal(socket: Socket): boolean
  /** The connection carries requests of this caller. */
  note(socket: Socket, callerId: string): void
  /** Ends every connection of this caller, whatever it carries. */
  cut(callerId: string): void
  /** From now on no connection stays without a request that is being answered; after `graceMs` none at all. */
  close(graceMs: number): void
}

interface Connection {
  readonly isLocal: boolean
  readonly callers: Set<string>
  requests: number
}

/**
 * Knows which connections wait for an answer. Node's own `closeIdleConnections` passes over those
 * that have not asked anything yet (browsers and `fetch` open some in advance) and over those that
 * become idle later; with either, the server would not close for minutes.
 */
export function createConnections(limits: ConnectionLimits): Connections {
  const connections = new Map<Socket, Connection>()
  /** Below TLS: some never come to be a connection. */
  const raw = new Set<Socket>()
  const perAddress = new Map<string, number>()
  let isClosing = false

  function count(socket: Socket, difference: number): void {
    const connection = connections.get(socket)
    if (!connection) return
    connection.requests += difference
    if (isClosing && connection.requests === 0) socket.destroy()
  }

  function destroy(which: (connection: Connection) => boolean): void {
    for (const [socket, connection] of connections) if (which(connection)) socket.destroy()
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
    track(server, isLocal) {
      server.on(isLocal ? 'connection' : 'secureConnection', (socket: Socket) => {
        connections.set(socket, { isLocal, callers: new Set(), requests: 0 })
        socket.once('close', () => connections.delete(socket))
      })
      server.on('connection', (socket: Socket) => {
        if (!admit(socket)) return void socket.destroy()
        raw.add(socket)
        socket.once('close', () => raw.delete(socket))
      })
      server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
        count(socket, 1)
        response.once('close', () => count(socket, -1))
      })
      return server
    },
    isLocal: (socket) => connections.get(socket)?.isLocal === true,
    note: (socket, callerId) => connections.get(socket)?.callers.add(callerId),
    cut: (callerId) => destroy(({ callers }) => callers.has(callerId)),
    close(graceMs) {
      isClosing = true
      destroy(({ requests }) => requests === 0)
      setTimeout(() => {
        destroy(() => true)
        for (const socket of raw) socket.destroy()
      }, graceMs).unref()
    },
  }
}

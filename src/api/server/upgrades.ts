import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import type { Access } from '../../model/access.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Requester } from '../contract/route.ts'
import { receiverTokenHeader } from '../contract/shared.ts'
import type { ServerAccess } from './access.ts'
import { presentError } from './answer-errors.ts'
import { refusedGraceMs } from './limits.ts'

type Accept = (
  params: never,
  token: string,
  requester: Requester,
) => Promise<(stream: Duplex) => void>

interface Upgrade {
  readonly pattern: RegExp
  readonly protocol: string
  readonly accept: Accept
}

export interface Upgrades {
  add(path: string, protocol: string, accept: Accept): void
  /** `server` answers the requests whose offer to upgrade nobody takes. */
  handle(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void
}

const tcpKeepAliveMs = 15_000

/** Streams are between daemons. */
const upgradeAccess: Access = { role: 'administrator', peers: true }

export function createUpgrades(log: FastifyBaseLogger, access: ServerAccess): Upgrades {
  const upgrades: Upgrade[] = []

  async function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { upgrade, params } = find(request)
    const requester = await access.admit(request, upgradeAccess)
    const token = request.headers[receiverTokenHeader]
    if (typeof token !== 'string') throw new CrosspoolError('UNAUTHORIZED')
    // What the pattern found are the parameters that its path names.
    const use = await upgrade.accept(params as never, token, requester)
    prepare(socket, head)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade.protocol}\r\n\r\n`,
    )
    use(socket)
  }

  function find(request: IncomingMessage) {
    const path = request.url?.split('?')[0] ?? '/'
    const { upgrade: protocol } = request.headers
    for (const upgrade of upgrades) {
      const match = request.method === 'GET' ? upgrade.pattern.exec(path) : null
      if (match && upgrade.protocol === protocol) return { upgrade, params: decoded(match.groups) }
    }
    const reason = `there is no upgrade of ${request.method} ${path} to ${protocol}`
    throw new CrosspoolError('BAD_REQUEST', { reason })
  }

  return {
    add(path, protocol, accept) {
      upgrades.push({ pattern: pathPattern(path), protocol, accept })
    },

    handle(server, request, socket, head) {
      const { upgrade: protocol } = request.headers
      if (!upgrades.some((upgrade) => upgrade.protocol === protocol)) {
        return answerWithoutUpgrade(server, request, socket)
      }
      // A connection may break at any time; whoever uses it hears of it as well.
      socket.on('error', (error) => log.debug({ error }, 'an upgraded connection broke'))
      accept(request, socket, head).catch((error) => refuse(log, socket, error))
    },
  }
}

function prepare(socket: Duplex, head: Buffer): void {
  if (socket instanceof Socket) {
    socket.setTimeout(0)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, tcpKeepAliveMs)
  }
  if (head.length > 0) socket.unshift(head)
}

function refuse(log: FastifyBaseLogger, socket: Duplex, error: unknown): void {
  closeLater(socket)
  const reference = randomUUID()
  const { status, shown } = presentError(error, reference)
  if (status >= 500) log.error({ error, reference }, 'an upgrade failed')
  const body = JSON.stringify(shown.toDocument())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** HTTP's own time limits have let go of this connection. */
function closeLater(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), refusedGraceMs).unref()
  socket.once('close', () => clearTimeout(timer))
}

/** Some clients offer HTTP/2 on every connection; the offer may be passed over in silence. */
function answerWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex): void {
  const hasBody = 'content-length' in request.headers || 'transfer-encoding' in request.headers
  if (hasBody || !(socket instanceof Socket)) {
    closeLater(socket)
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.on('finish', () => {
    closeLater(socket)
    socket.end()
  })
  socket.on('error', () => socket.destroy())
  server.emit('request', request, response)
}

function pathPattern(path: string): RegExp {
  const source = path
    .split(/(\{\w+\})/)
    .map((part) => part.replace(/^\{(\w+)\}$/, '(?<$1>[^/]+)'))
    .join('')
  return new RegExp(`^${source}$`)
}

function decoded(groups: Record<string, string> | undefined): Record<string, string> {
  try {
    const entries = Object.entries(groups ?? {})
    return Object.fromEntries(entries.map(([name, text]) => [name, decodeURIComponent(text)]))
  } catch (error) {
    throw new CrosspoolError('BAD_REQUEST', { reason: 'the path is not encoded correctly' }, error)
  }
}

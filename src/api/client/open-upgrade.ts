import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { CrosspoolError } from '../../model/errors.ts'
import { limitedText } from './limited-text.ts'
import { errorOfAnswer } from './read-answer.ts'
import { unanswered, unreachable } from './unreachable.ts'

export interface UpgradeOptions {
  readonly protocol: string
  readonly token: string
  readonly timeoutMs: number
}

const keepAliveProbeMs = 15_000

/**
 * Opens a connection of its own and has the server take it over from HTTP. The stream is
 * half-open: each side ends its own direction. @throws what the server refuses with, PEER_UNREACHABLE
 */
export async function openUpgrade(url: string, options: UpgradeOptions): Promise<Duplex> {
  const request = start(url, options)
  const deadline = setTimeout(
    () => request.destroy(unanswered(url, options.timeoutMs)),
    options.timeoutMs,
  )
  try {
    const answer = await answerOf(request)
    if ('stream' in answer) return answer.stream
    throw errorOfAnswer(answer.response.statusCode ?? 0, await limitedText(answer.response), url)
  } catch (error) {
    throw error instanceof CrosspoolError ? error : unreachable(url, error)
  } finally {
    clearTimeout(deadline)
  }
}

function start(url: string, { protocol, token }: UpgradeOptions) {
  const { hostname, port, protocol: scheme } = new URL(url)
  const isSecure = scheme === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(port || (isSecure ? 443 : 80)), allowHalfOpen: true })
  const headers = { connection: 'Upgrade', upgrade: protocol, authorization: `Bearer ${token}` }
  const request = isSecure
    ? httpsRequest(url, {
        headers,
        createConnection: () => connectTls({ socket, servername: host }),
      })
    : httpRequest(url, { headers, createConnection: () => socket })
  request.end()
  return request
}

type Answer = { readonly stream: Duplex } | { readonly response: IncomingMessage }

function answerOf(request: ReturnType<typeof start>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => resolve({ response }))
    request.on('upgrade', (_response, socket: Socket, head) => {
      socket.setTimeout(0)
      socket.setNoDelay(true)
      socket.setKeepAlive(true, keepAliveProbeMs)
      if (head.length > 0) socket.unshift(head)
      resolve({ stream: socket })
    })
  })
}

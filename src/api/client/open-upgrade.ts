import type { ClientRequest, IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CrosspoolError } from '../../model/errors.ts'
import { receiverTokenHeader } from '../contract/shared.ts'
import { limitedText } from './limited-text.ts'
import type { PinnedConnector } from './pinned-connector.ts'
import { errorOfAnswer } from './read-answer.ts'
import { unanswered, unreachable } from './unreachable.ts'

export interface UpgradeOptions {
  readonly protocol: string
  readonly token: string
  readonly timeoutMs: number
  readonly connector: PinnedConnector
}

const keepAliveProbeMs = 15_000

/**
 * Opens a connection of its own and has the server take it over from HTTP. The stream is
 * half-open: each side ends its own direction. @throws what the server refuses with, PEER_UNREACHABLE
 */
export async function openUpgrade(url: string, options: UpgradeOptions): Promise<Duplex> {
  let abandon: (error: Error) => void = () => {}
  const late = new Promise<never>((_resolve, reject) => {
    abandon = reject
  })
  let request: ClientRequest | null = null
  const deadline = setTimeout(() => {
    const error = unanswered(url, options.timeoutMs)
    abandon(error)
    request?.destroy(error)
  }, options.timeoutMs)
  try {
    const socket = await Promise.race([options.connector.connect(url, true), late])
    request = start(url, options, socket)
    const answer = await answerOf(request)
    if ('stream' in answer) return answer.stream
    throw errorOfAnswer(answer.response.statusCode ?? 0, await limitedText(answer.response), url)
  } catch (error) {
    throw error instanceof CrosspoolError ? error : unreachable(url, error)
  } finally {
    clearTimeout(deadline)
  }
}

function start(url: string, { protocol, token }: UpgradeOptions, socket: Socket): ClientRequest {
  const headers = { connection: 'Upgrade', upgrade: protocol, [receiverTokenHeader]: token }
  const request = httpsRequest(url, { headers, createConnection: () => socket })
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

import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { type Duplex, Readable } from 'node:stream'
import { codeOf } from '../../lib/error-code.ts'
import type { Fetch, HttpRequest, HttpResponse } from './http.ts'
import { limitedText } from './limited-text.ts'
import { type PinnedConnector, untrusted } from './pinned-connector.ts'
import { readSocketUrl } from './socket-url.ts'

export interface NodeFetchOptions {
  /** Opens the connections of https URLs; without it nobody there is trusted. */
  readonly connector?: PinnedConnector
  /** Shown over TLS only. */
  readonly token?: () => Promise<string | null>
}

const keepAliveProbeMs = 15_000
const poolOptions = { keepAlive: true, keepAliveMsecs: keepAliveProbeMs }

/**
 * `fetch` with a pool of its own, whose connections stay open for as long as the server lets them
 * (10 minutes with ours) and are probed meanwhile: what a handover asks goes over a connection
 * that is already there. An https server is known by its key, a local one by its Unix socket.
 */
export function createNodeFetch(options: NodeFetchOptions = {}): Fetch {
  const plain = new HttpAgent(poolOptions)
  const pinned = options.connector ? new PinnedAgent(options.connector) : null

  async function send(url: string, call: HttpRequest): Promise<HttpResponse> {
    const { method, headers, signal } = call
    const common = { method, headers, signal }
    if (!url.startsWith('https:')) {
      const place = readSocketUrl(url)
      const start = place
        ? () => httpRequest({ ...common, ...place, agent: plain })
        : () => httpRequest(url, { ...common, agent: plain })
      return answerOf(start(), call)
    }
    if (!pinned) throw untrusted(url, 'no key of it is known')
    const token = (await options.token?.()) ?? null
    const own = token === null ? {} : { authorization: `Bearer ${token}` }
    const request = httpsRequest(url, { ...common, headers: { ...headers, ...own }, agent: pinned })
    return answerOf(request, call)
  }

  return async (url, request) => {
    try {
      return await send(url, request)
    } catch (error) {
      // The server let go of the connection while this was on its way; a second try opens a new one.
      if (error instanceof StaleConnection) return send(url, request)
      throw error
    }
  }
}

class PinnedAgent extends HttpsAgent {
  readonly #connector: PinnedConnector

  constructor(connector: PinnedConnector) {
    super(poolOptions)
    this.#connector = connector
  }

  override createConnection(
    { host, port }: { host?: string | null; port?: number | string | null },
    done: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#connector.connect(`https://${host}:${port}`).then(
      (socket) => done(null, socket),
      // Whoever hears of an error looks at nothing else.
      (error) => done(error, undefined as never),
    )
  }
}

function answerOf(request: ClientRequest, call: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    request.on('response', (response) => resolve(present(response)))
    request.on('error', (error) => {
      const repeatable = call.method !== 'POST' && request.reusedSocket
      const code = codeOf(error)
      const isReset = code === 'ECONNRESET' || code === 'EPIPE'
      reject(repeatable && isReset ? new StaleConnection() : error)
    })
    request.end(call.body)
  })
}

class StaleConnection extends Error {}

function present(response: IncomingMessage): HttpResponse {
  return {
    status: response.statusCode ?? 0,
    headers: {
      get: (name) => {
        const value = response.headers[name.toLowerCase()]
        return Array.isArray(value) ? value.join(', ') : (value ?? null)
      },
    },
    text: () => limitedText(response),
    get body() {
      return Readable.toWeb(response)
    },
  }
}

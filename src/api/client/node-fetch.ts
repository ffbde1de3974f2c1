import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import type { Fetch, HttpRequest, HttpResponse } from './http.ts'
import { limitedText } from './limited-text.ts'

const keepAliveProbeMs = 15_000

/**
 * `fetch` with a pool of its own, whose connections stay open for as long as the server lets them
 * (10 minutes with ours) and are probed meanwhile: what a handover asks goes over a connection
 * that is already there.
 */
export function createNodeFetch(): Fetch {
  const options = { keepAlive: true, keepAliveMsecs: keepAliveProbeMs }
  const agents = { http: new HttpAgent(options), https: new HttpsAgent(options) }

  return async (url, request) => {
    try {
      return await send(url, request, agents)
    } catch (error) {
      // The server let go of the connection while this was on its way; a second try opens a new one.
      if (error instanceof StaleConnection) return send(url, request, agents)
      throw error
    }
  }
}

interface Agents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

function send(url: string, call: HttpRequest, agents: Agents): Promise<HttpResponse> {
  const secure = url.startsWith('https:')
  const options = { method: call.method, headers: call.headers, signal: call.signal }
  return new Promise((resolve, reject) => {
    const request = secure
      ? httpsRequest(url, { ...options, agent: agents.https })
      : httpRequest(url, { ...options, agent: agents.http })
    request.on('response', (response) => resolve(present(response)))
    request.on('error', (error) => {
      const repeatable = call.method !== 'POST' && request.reusedSocket
      const isReset = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
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

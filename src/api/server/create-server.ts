import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import type { Identity } from '../../lib/identity.ts'
import type { Handlers, PathParameters, Requester, Routes } from '../contract/route.ts'
import { versionPath } from '../contract/shared.ts'
import { type AccessOptions, ServerAccess } from './access.ts'
import { answerErrors } from './answer-errors.ts'
import { checkWithZod } from './check-with-zod.ts'
import { createConnections } from './connections.ts'
import {
  type ConnectionLimits,
  defaultConnectionLimits,
  fastifyLimits,
  httpLimits,
  limitDepth,
} from './limits.ts'
import { mountRoute } from './mount-route.ts'
import { mountOpenApi, type OpenApiDocument } from './open-api.ts'
import { listen, listenOnSocket, refuseForeignPages } from './sockets.ts'
import { createUpgrades } from './upgrades.ts'

export interface ServerOptions<T extends Routes> {
  readonly routes: T
  readonly handlers: Handlers<T>
  readonly title: string
  readonly description: string
  readonly version: string
  readonly log: FastifyBaseLogger
  readonly access: AccessOptions
  /** Names a request, and a failure of ours in the answer and in the log. */
  readonly newReference?: () => string
  /** 15 s unless told. */
  readonly eventHeartbeatMs?: number
  readonly connections?: ConnectionLimits
}

interface ListenOptions {
  /** TLS only. */
  readonly tcp?: {
    readonly host: string
    /** 0: any that is free. */
    readonly port: number
    readonly identity: Identity
  }
  /** Plain HTTP on a Unix socket that only the daemon's user may open. */
  readonly socketPath?: string
}

export interface ApiServer {
  /** fastify itself, before `listen`, for what is no route of the contract: metrics, XenAPI, the web UI. */
  readonly app: FastifyInstance
  /**
   * Takes connections over from HTTP: a GET of `path` below /v1 with `Upgrade: protocol` and a
   * receiver's token, by a trusted host. What `accept` throws is answered over HTTP; what it resolves with gets the connection,
   * half-open and without delay, once the 101 has been sent. It must end the stream, not destroy
   * it, when all went well.
   */
  onUpgrade<const Path extends string>(
    path: Path,
    protocol: string,
    accept: (
      params: PathParameters<Path>,
      token: string,
      requester: Requester,
    ) => Promise<(stream: Duplex) => void>,
  ): void
  /** Answers the TCP port, if there is one. */
  listen(options: ListenOptions): Promise<number>
  /** Ends all connections of a caller whose token or key counts no longer. */
  cut(callerId: string): void
  inject: FastifyInstance['inject']
  openApi(): Promise<OpenApiDocument>
  /** Answers what has been asked, ends event streams, cuts upgraded connections. Takes 5 s at most. */
  close(): Promise<void>
}

const graceMs = 5_000

const tlsOptions = {
  minVersion: 'TLSv1.3',
  // A certificate is looked at by its key alone: see ServerAccess.
  requestCert: true,
  rejectUnauthorized: false,
  handshakeTimeout: 10_000,
  // Each side of an upgraded connection ends its own direction.
  allowHalfOpen: true,
} as const

/** Serves a contract over HTTP below /v1, with its description at /openapi.json. */
export function createServer<T extends Routes>(options: ServerOptions<T>): ApiServer {
  const app = createApp(options)
  const connections = createConnections(options.connections ?? defaultConnectionLimits)
  const access = new ServerAccess(options.access, connections)
  access.guard(app)
  const upgrades = createUpgrades(options.log, access)
  const closing = new AbortController()
  // Each event stream listens to it; Node would take more than ten of them for a leak.
  setMaxListeners(0, closing.signal)
  const servers: Server[] = []

  answerErrors(app)
  mountOpenApi(app, options)
  const context = {
    eventHeartbeatMs: options.eventHeartbeatMs ?? 15_000,
    closing: closing.signal,
    log: options.log,
    access,
  }
  app.after(() => {
    for (const [name, route] of Object.entries(options.routes)) {
      mountRoute(app, name, route, options.handlers[name], context)
    }
  })

  function track(server: Server, isLocal: boolean): Server {
    servers.push(connections.track(server, isLocal))
    return server.on('upgrade', (request, socket, head) =>
      upgrades.handle(server, request, socket, head),
    )
  }

  return {
    app,
    onUpgrade: (path, protocol, accept) => upgrades.add(versionPath + path, protocol, accept),
    async listen({ tcp, socketPath }) {
      await app.ready()
      if (socketPath !== undefined)
        await listenOnSocket(track(createHttpServer(httpLimits, app.routing), true), socketPath)
      if (!tcp) return 0
      const { certificate: cert, key } = tcp.identity
      const https = createHttpsServer({ ...httpLimits, ...tlsOptions, cert, key }, app.routing)
      await listen(track(https, false), { host: tcp.host, port: tcp.port })
      const address = https.address()
      return typeof address === 'object' && address !== null ? address.port : 0
    },
    cut: (callerId) => connections.cut(callerId),
    inject: app.inject.bind(app),
    async openApi() {
      await app.ready()
      return app.swagger()
    },
    async close() {
      closing.abort()
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
      connections.close(graceMs)
      await Promise.all([app.close(), ...closed])
    },
  }
}

function createApp<T extends Routes>(options: ServerOptions<T>): FastifyInstance {
  const app = fastify({
    ...fastifyLimits,
    loggerInstance: options.log,
    // Heartbeats and progress would drown the rest; what fails is logged by the error handler.
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    genReqId: options.newReference ?? (() => randomUUID()),
  })
  checkWithZod(app)
  limitDepth(app)
  // Only JSON: a web page of another origin can post text without asking, but not JSON.
  app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', refuseForeignPages)
  app.addHook('onResponse', async (request, reply) => {
    const { method, url } = request
    request.log.debug(
      { method, url, status: reply.statusCode, elapsedMs: reply.elapsedTime },
      'answered',
    )
  })
  return app
}

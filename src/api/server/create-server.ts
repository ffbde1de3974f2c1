import { randomUUID } from 'node:crypto'
import { createServer as createHttpServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import type { Handlers, PathParameters, Routes } from '../contract/route.ts'
import { versionPath } from '../contract/shared.ts'
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
import { listenOnSocket, refuseForeignPages } from './sockets.ts'
import { createUpgrades } from './upgrades.ts'

export interface ServerOptions<T extends Routes> {
  readonly routes: T
  readonly handlers: Handlers<T>
  readonly title: string
  readonly description: string
  readonly version: string
  readonly log: FastifyBaseLogger
  /** Names a request, and a failure of ours in the answer and in the log. */
  readonly newReference?: () => string
  /** 15 s unless told. */
  readonly eventHeartbeatMs?: number
  readonly connections?: ConnectionLimits
}

interface ListenOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Also listens on this Unix socket, which only the daemon's user may open. */
  readonly socketPath?: string
}

export interface ApiServer {
  /** fastify itself, before `listen`, for what is no route of the contract: metrics, XenAPI, the web UI. */
  readonly app: FastifyInstance
  /**
   * Takes connections over from HTTP: a GET of `path` below /v1 with `Upgrade: protocol` and a
   * token. What `accept` throws is answered over HTTP; what it resolves with gets the connection,
   * half-open and without delay, once the 101 has been sent. It must end the stream, not destroy
   * it, when all went well.
   */
  onUpgrade<const Path extends string>(
    path: Path,
    protocol: string,
    accept: (params: PathParameters<Path>, token: string) => Promise<(stream: Duplex) => void>,
  ): void
  /** Answers the root URL. */
  listen(options: ListenOptions): Promise<string>
  inject: FastifyInstance['inject']
  openApi(): Promise<OpenApiDocument>
  /** Answers what has been asked, ends event streams, cuts upgraded connections. Takes 5 s at most. */
  close(): Promise<void>
}

const graceMs = 5_000

/** Serves a contract over HTTP below /v1, with its description at /openapi.json. */
export function createServer<T extends Routes>(options: ServerOptions<T>): ApiServer {
  const app = createApp(options)
  const upgrades = createUpgrades(options.log, () => app.server)
  const closing = new AbortController()
  const servers: Server[] = []
  const connections = createConnections(options.connections ?? defaultConnectionLimits)

  answerErrors(app)
  mountOpenApi(app, options)
  const context = {
    eventHeartbeatMs: options.eventHeartbeatMs ?? 15_000,
    closing: closing.signal,
    log: options.log,
  }
  app.after(() => {
    for (const [name, route] of Object.entries(options.routes)) {
      mountRoute(app, name, route, options.handlers[name], context)
    }
  })
  connections.track(app.server).on('upgrade', upgrades.handle)

  return {
    app,
    onUpgrade: (path, protocol, accept) => upgrades.add(versionPath + path, protocol, accept),
    async listen({ host, port, socketPath }) {
      const url = await app.listen({ host, port })
      if (socketPath !== undefined) {
        const server = connections.track(createHttpServer(httpLimits, app.routing))
        servers.push(await listenOnSocket(server.on('upgrade', upgrades.handle), socketPath))
      }
      return url
    },
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

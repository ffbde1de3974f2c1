import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { CrosspoolError } from '../../model/errors.ts'

/** How many connections a daemon holds open; what comes beyond is cut at once. */
export interface ConnectionLimits {
  readonly total: number
  /** From one address of another host. */
  readonly perAddress: number
}

export const defaultConnectionLimits: ConnectionLimits = { total: 1_000, perAddress: 200 }

/** A refused peer may keep its side of the connection open; ours is closed after this. */
export const refusedGraceMs = 5_000

/** Of Node's HTTP server, on TCP and on a Unix socket. Headers have 16 KiB at most, which is Node's own limit. */
export const httpLimits = {
  // A client's pool lets go of a connection after the time that the server names; long, so that
  // connections opened before a handover are still there when it comes.
  keepAliveTimeout: 600_000,
  // Also for a connection that says nothing at all.
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
} as const

export const fastifyLimits = {
  bodyLimit: 1024 * 1024,
  // What comes while the daemon stops is answered as usual, or its connection is cut.
  return503OnClosing: false,
  routerOptions: { maxParamLength: 1024 },
} satisfies FastifyServerOptions

/** Deeper than any document of ours; what walks through a document calls itself at each level. */
const depthMax = 64

/** Refuses bodies that are nested without end. */
export function limitDepth(app: FastifyInstance): void {
  app.addHook('preValidation', async ({ body }) => {
    if (isDeeper(body, depthMax))
      throw new CrosspoolError('BAD_REQUEST', { reason: `it is nested deeper than ${depthMax}` })
  })
}

function isDeeper(document: unknown, levels: number): boolean {
  let level: unknown[] = [document]
  for (let depth = 0; depth <= levels; depth += 1) {
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    )
    if (level.length === 0) return false
  }
  return true
}

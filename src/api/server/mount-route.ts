import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'
import type { Route } from '../contract/route.ts'
import { receiverTokenHeader, versionPath } from '../contract/shared.ts'
import type { ServerAccess } from './access.ts'
import { createEventStream } from './event-stream.ts'
import { routeSchema } from './route-schema.ts'

export interface RouteContext {
  readonly eventHeartbeatMs: number
  /** Aborted when the server closes: event streams end. */
  readonly closing: AbortSignal
  readonly log: FastifyBaseLogger
  readonly access: Pick<ServerAccess, 'requesterOf'>
}

/** Any handler of a contract: what it takes is known to the route alone. */
export type AnyHandler = (request: never) => Promise<unknown>

export function mountRoute(
  app: FastifyInstance,
  name: string,
  route: Route,
  handler: AnyHandler | undefined,
  context: RouteContext,
): void {
  if (handler === undefined) throw new Error(`there is no handler for the route ${name}`)
  app.route({
    method: route.method,
    url: versionPath + route.path.replace(/\{(\w+)\}/g, ':$1'),
    schema: routeSchema(name, route),
    config: {
      access: route,
      ...(route.method === 'GET' || route.isUnnoted ? {} : { noted: name }),
    },
    handler: async (request, reply) => {
      const answer = await handler(handlerRequest(route, request, context))
      if (route.events) return sendEvents(reply, route, answer, context)
      return reply.status(route.status ?? 200).send(answer)
    },
  })
}

/**
 * What the handler gets. Its parts have been through the route's schemas by now, which is what
 * the handler's type says; that the two belong together only the route knows, hence `never`.
 */
function handlerRequest(route: Route, request: FastifyRequest, { access }: RouteContext): never {
  return {
    params: request.params,
    requester: access.requesterOf(request.raw),
    ...(route.query ? { query: request.query } : {}),
    ...(route.body ? { body: request.body } : {}),
    ...(route.token ? { token: requiredToken(request) } : {}),
  } as never
}

function requiredToken(request: FastifyRequest): string {
  const token = request.headers[receiverTokenHeader]
  if (typeof token !== 'string') throw new CrosspoolError('UNAUTHORIZED')
  return token
}

function sendEvents(
  reply: FastifyReply,
  route: Route,
  subscribe: unknown,
  context: RouteContext,
): FastifyReply {
  if (!isSubscribe(subscribe))
    throw new Error('the handler of an event route must answer how to subscribe')
  const stream = createEventStream({
    subscribe,
    encode: (event) => JSON.stringify((route.response as z.ZodType).encode(event)),
    isLast: (event) => route.isLast?.(event) ?? false,
    heartbeatMs: context.eventHeartbeatMs,
    closing: context.closing,
  })
  stream.on('error', (error) => context.log.error({ error }, 'an event stream broke'))
  return reply
    .type('text/event-stream')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
    .send(stream)
}

function isSubscribe(value: unknown): value is (listener: (event: unknown) => void) => () => void {
  return typeof value === 'function'
}

import type { FastifySchema } from 'fastify'
import { z } from 'zod'
import { type ErrorCode, errorTable } from '../../model/errors.ts'
import { errorDocumentSchema } from '../../model/operation.ts'
import type { Route } from '../contract/route.ts'

/** What fastify checks and OpenAPI tells of a route. */
export function routeSchema(name: string, route: Route): FastifySchema {
  const parameters = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter ?? '')
  return {
    operationId: name,
    summary: route.summary,
    ...(parameters.length === 0
      ? {}
      : { params: z.object(Object.fromEntries(parameters.map((key) => [key, z.string()]))) }),
    ...(route.query ? { querystring: route.query } : {}),
    ...(route.body ? { body: route.body } : {}),
    ...(route.role === 'anyone' ? {} : { security: securityOf(route) }),
    description: whoMayCall(route),
    response: { ...success(route), ...failures(route) },
  }
}

/** A trusted host needs no token of the API: it is known by its certificate, which OpenAPI cannot say so. */
function securityOf({ token }: Route) {
  return [{ apiToken: [], ...(token ? { receiverToken: [] } : {}) }]
}

function whoMayCall({ role, peers }: Route): string {
  if (role === 'anyone') return 'Anyone may ask.'
  return `Needs the role ${role}${peers ? ', or to be a trusted host' : ''}.`
}

function success(route: Route) {
  if (!route.events) return { [route.status ?? 200]: route.response }
  const content = { 'text/event-stream': { schema: route.response } }
  return { 200: { description: 'Server-sent events, each with one document as its data', content } }
}

function failures(route: Route) {
  const codes = new Set<ErrorCode>(route.errors)
  if (route.query || route.body) codes.add('BAD_REQUEST')
  if (route.role !== 'anyone') {
    codes.add('UNAUTHENTICATED')
    codes.add('FORBIDDEN')
  }
  codes.add('INTERNAL')
  const statuses = new Set([...codes].map((code) => errorTable[code].status))
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      {
        description: [...codes].filter((code) => errorTable[code].status === status).join(', '),
        content: { 'application/json': { schema: errorDocumentSchema } },
      },
    ]),
  )
}

import { fastify } from 'fastify'
import type { Routes } from '../contract/route.ts'
import { checkWithZod } from './check-with-zod.ts'
import { mountRoute } from './mount-route.ts'
import { mountOpenApi, type OpenApiDocument, type OpenApiOptions } from './open-api.ts'

/** The description that a server of these routes has at /openapi.json, without a server. */
export async function describeRoutes(
  routes: Routes,
  options: OpenApiOptions,
): Promise<OpenApiDocument> {
  const app = fastify()
  checkWithZod(app)
  mountOpenApi(app, options)
  const context = {
    eventHeartbeatMs: 1,
    closing: AbortSignal.abort(),
    log: app.log,
    access: nobody,
  }
  app.after(() => {
    for (const [name, route] of Object.entries(routes)) {
      mountRoute(app, name, route, async () => {}, context)
    }
  })
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}

const nobody = { requesterOf: () => ({ caller: null, fingerprint: null }) }

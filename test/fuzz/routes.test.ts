import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Route } from '../../src/api/contract/route.ts'
import { receiverTokenHeader } from '../../src/api/contract/shared.ts'
import { storageRoutes } from '../../src/api/contract/storage-routes.ts'
import { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import { isErrorCode } from '../../src/model/errors.ts'
import type { OpenServer } from '../support/open-door.ts'
import { sampleStorage, sampleToolstack } from '../support/sample-daemons.ts'

/** Whatever is sent to a route, it is answered by its handler or refused with a code of the table; never 500. */

interface Daemon {
  readonly name: string
  readonly routes: [string, Route][]
  readonly server: OpenServer
}

const daemons: readonly Daemon[] = [
  { name: 'sm', routes: Object.entries(storageRoutes), server: sampleStorage() },
  { name: 'xapi', routes: Object.entries(toolstackRoutes), server: sampleToolstack() },
]

afterAll(() => Promise.all(daemons.map(({ server }) => server.close())))

describe.each(daemons)('$name', { timeout: 120_000 }, ({ routes, server }) => {
  test.each(routes)('%s takes anything', async (_, route: Route) => {
    const request = fc.record({
      parameter: fc.oneof(fc.string({ maxLength: 50 }), fc.constantFrom('../..', '%', '%00', '')),
      query: fc.webQueryParameters(),
      token: fc.option(fc.constantFrom('x', 'x y', ' ', '"', '=='.repeat(200))),
      type: fc.constantFrom('application/json', 'application/json; charset=x', 'text/xml', ''),
      body: fc.oneof(fc.string({ maxLength: 300 }), fc.json(), spoilt(route)),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ parameter, query, token, type, body }) => {
        const path = route.path.replaceAll(/\{\w+\}/g, encodeURIComponent(parameter))
        const hasBody = route.method === 'POST'
        const answer = await server.inject({
          method: route.method,
          url: `/v1${path}?${query}`,
          headers: {
            ...(token ? { [receiverTokenHeader]: token } : {}),
            ...(hasBody && type ? { 'content-type': type } : {}),
          },
          ...(hasBody ? { payload: body } : {}),
          payloadAsStream: true,
        })
        const stream = answer.stream()
        // Some streams of events have no end.
        if (answer.statusCode < 300) return void stream.destroy()
        expect(answer.statusCode).toBeGreaterThanOrEqual(400)
        expect(answer.statusCode).toBeLessThan(500)
        expect(isErrorCode(JSON.parse(await text(stream)).code)).toBe(true)
      }),
      { numRuns: 60 },
    )
    expect((await server.inject('/v1/health')).statusCode).toBe(200)
  })
})

/** What the route wants, with one value of it being something else. */
function spoilt(route: Route): fc.Arbitrary<string> {
  if (!route.body) return fc.constant('{}')
  const shape = z.toJSONSchema(route.body, { io: 'input', unrepresentable: 'any' })
  const names = Object.keys(shape.properties ?? {})
  const fields = Object.fromEntries(names.map((name) => [name, fc.option(fc.jsonValue())]))
  return fc.record(fields, { requiredKeys: [] }).map((document) => JSON.stringify(document))
}

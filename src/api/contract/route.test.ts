import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { errorTable } from '../../model/errors.ts'
import type { Operation } from '../../model/operation.ts'
import {
  defineRoutes,
  type Handlers,
  type PathParameters,
  type RouteCall,
  type RouteRequest,
  type RouteResponse,
} from './route.ts'
import { storageRoutes } from './storage-routes.ts'
import { toolstackRoutes } from './toolstack-routes.ts'

const routes = defineRoutes({
  plain: { method: 'GET', path: '/plain', role: 'viewer', summary: 's', response: z.string() },
  full: {
    method: 'POST',
    path: '/a/{first}/b/{second}',
    role: 'operator',
    summary: 's',
    query: z.object({ count: z.coerce.number() }),
    body: z.object({ name: z.string().default('x') }),
    response: z.object({ ok: z.boolean().default(true) }),
    token: true,
  },
  optional: {
    method: 'POST',
    path: '/c',
    role: 'operator',
    summary: 's',
    query: z.object({ sr: z.string().optional() }),
    body: z.object({}).default({}),
    response: z.null(),
  },
})

describe('types that follow from a route', () => {
  test('parameters come from the path', () => {
    expectTypeOf<PathParameters<'/a/{first}/b/{second}'>>().toExtend<{
      readonly first: string
      readonly second: string
    }>()
    expectTypeOf<PathParameters<'/a'>>().toBeUnknown()
  })

  test('a handler gets what the schemas answer, a caller gives what they take', () => {
    type Full = (typeof routes)['full']
    expectTypeOf<RouteRequest<Full>['body']>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<RouteRequest<Full>['query']>().toEqualTypeOf<{ count: number }>()
    expectTypeOf<RouteRequest<Full>['token']>().toBeString()
    expectTypeOf<RouteCall<Full>['token']>().toBeString()
    expectTypeOf<RouteResponse<Full>>().toEqualTypeOf<{ ok: boolean }>()
    // @ts-expect-error a call of it needs both parameters
    const missing: RouteCall<Full>['params'] = { first: '1' }
    expect(missing).toBeDefined()
  })

  test('what a schema can do without need not be given', () => {
    const nothing: RouteCall<(typeof routes)['optional']> = {}
    const plain: RouteCall<(typeof routes)['plain']> = undefined
    expect([nothing, plain]).toHaveLength(2)
  })

  test('an event route answers how to subscribe to its documents', () => {
    type Watch = Awaited<ReturnType<Handlers<typeof toolstackRoutes>['watchOperation']>>
    expectTypeOf<Parameters<Parameters<Watch>[0]>[0]>().toEqualTypeOf<Operation>()
  })
})

describe.each(Object.entries({ storageRoutes, toolstackRoutes }))('%s', (_, table) => {
  const all = Object.entries(table)

  test('no two have the same method and path', () => {
    const places = all.map(([, { method, path }]) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`)
    expect(new Set(places).size).toBe(all.length)
  })

  test('their errors are in the table, and one with a token says UNAUTHORIZED', () => {
    for (const [name, route] of all) {
      const errors = 'errors' in route ? route.errors : []
      for (const code of errors) expect(errorTable).toHaveProperty(code)
      if ('token' in route) expect(errors, name).toContain('UNAUTHORIZED')
    }
  })
})

import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Route, Routes } from '../src/api/contract/route.ts'
import { storageRoutes } from '../src/api/contract/storage-routes.ts'
import {
  memoryPath,
  memoryProtocols,
  toolstackRoutes,
} from '../src/api/contract/toolstack-routes.ts'
import type { ApiServer } from '../src/api/server/create-server.ts'
import { mountOperating } from '../src/api/server/mount-operating.ts'
import { mountWebUi } from '../src/api/server/web-ui.ts'
import { systemClock } from '../src/drivers/system/clock.ts'
import { type Caller, isAllowed, type Role } from '../src/model/access.ts'
import { newIdentity } from './support/identities.ts'
import { guardedStorage, guardedToolstack, sampleAccess } from './support/sample-daemons.ts'

/**
 * Every route that the descriptions of the two daemons have, asked by everybody: who may not is refused, who may comes
 * as far as the route's own checks. A new route is in it by itself.
 */
const [own, trusted, stranger] = await Promise.all([newIdentity(), newIdentity(), newIdentity()])
const access = {
  ...sampleAccess,
  callerOfFingerprint: async (fingerprint: string) =>
    fingerprint === trusted.fingerprint ? sampleAccess.callerOfFingerprint(fingerprint) : null,
}

interface Asker {
  readonly name: string
  /** Null: nobody. */
  readonly role: Role | 'peer' | null
  readonly headers: Record<string, string>
  readonly agent: Agent
}

const tls = { keepAlive: true, rejectUnauthorized: false }
const bare = new Agent(tls)
const certified = ({ certificate: cert, key }: typeof own) => new Agent({ ...tls, cert, key })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const token = (role: Role): Asker => ({ name: role, role, headers: bearer(role), agent: bare })

const askers: readonly Asker[] = [
  { name: 'nobody', role: null, headers: {}, agent: bare },
  { name: 'a wrong token', role: null, headers: bearer('guessed'), agent: bare },
  {
    name: 'no token at all',
    role: null,
    headers: { authorization: 'Basic cm9vdDo=' },
    agent: bare,
  },
  { name: 'a strange key', role: null, headers: {}, agent: certified(stranger) },
  { name: 'a trusted key', role: 'peer', headers: {}, agent: certified(trusted) },
  {
    name: 'a trusted key, a wrong token',
    role: null,
    headers: bearer('x'),
    agent: certified(trusted),
  },
  ...(['viewer', 'operator', 'administrator'] as const).map(token),
]

/** What anyone may ask; a route that is added here needs a reason in docs/security.md. */
const open = { storage: ['health', 'join'], toolstack: ['health', 'introducePeer'] }

function ask(port: number, method: string, path: string, { headers, agent }: Asker) {
  return new Promise<{ status: number; code: string }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, agent, headers }
    const call = request(options, (response) => {
      // An event stream has been let in, and would go on.
      if (response.headers['content-type']?.startsWith('text/event-stream')) {
        response.destroy()
        resolve({ status: 200, code: '' })
        return
      }
      const isJson = response.headers['content-type']?.startsWith('application/json')
      text(response).then((body) => {
        const document = isJson ? Object(JSON.parse(body)) : {}
        resolve({ status: response.statusCode ?? 0, code: String(document.code ?? '') })
      }, reject)
    })
    call.on('error', reject).end()
  })
}

function expected(route: Route, { role }: Asker): 'in' | 401 | 403 {
  if (route.role === 'anyone') return 'in'
  if (role === null) return 401
  const kind = role === 'peer' ? 'peer' : 'token'
  const caller: Caller = {
    ...{ kind, id: '', name: '', role: role === 'peer' ? null : role, expiresAtMs: null },
  }
  return isAllowed(caller, route) ? 'in' : 403
}

describe.each([
  ['storage', guardedStorage({}, { access }), storageRoutes as Routes],
  ['toolstack', guardedToolstack({}, { access }), toolstackRoutes as Routes],
] as const)('%s', (name, server: ApiServer, routes) => {
  let port = 0

  beforeAll(async () => {
    server.app.get('/forgotten', () => ({}))
    mountOperating(server.app, {
      ...{ clock: systemClock, readiness: {}, answered: () => {} },
      metrics: async () => ({ type: 'text/plain', text: '' }),
    })
    port = await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity: own } })
  })
  afterAll(() => server.close())

  it('says of every route who may call it, and only these are open', async () => {
    const { paths = {} } = Object(await server.openApi())
    const described = Object.values(paths).flatMap((methods) =>
      Object.values(Object(methods)).map((one) => String(Object(one).operationId)),
    )
    expect(described.sort()).toEqual(Object.keys(routes).sort())
    const anyone = Object.keys(routes).filter((key) => routes[key]?.role === 'anyone')
    expect(anyone.sort()).toEqual(open[name])
  })

  it.each(askers)('lets $name in where it may', async (asker) => {
    const outcomes: Record<string, unknown> = {}
    const wanted: Record<string, unknown> = {}
    for (const [key, route] of Object.entries(routes)) {
      const path = `/v1${route.path.replace(/\{\w+\}/g, 'x')}`
      const { status, code } = await ask(port, route.method, path, asker)
      // The receiver's own token is missing as well, which is looked at later.
      const isRefused = code === 'UNAUTHENTICATED' || code === 'FORBIDDEN'
      outcomes[key] = isRefused ? status : 'in'
      wanted[key] = expected(route, asker)
    }
    expect(outcomes).toEqual(wanted)
    expect(Object.keys(outcomes).length).toBeGreaterThan(30)
  })

  it('a route of which nothing is said is for viewers, never for anyone', async () => {
    const statuses = await Promise.all(askers.map((asker) => ask(port, 'GET', '/forgotten', asker)))
    const seen = statuses.map(({ status }, index) => [askers[index]?.name, status])
    expect(seen).toEqual(
      askers.map(({ name: asker, role }) => [
        asker,
        role === null ? 401 : role === 'peer' ? 403 : 200,
      ]),
    )
  })

  it('answers the description and probes to anyone, metrics to viewers', async () => {
    for (const asker of askers) {
      for (const path of ['/openapi.json', '/healthz', '/readyz'])
        expect((await ask(port, 'GET', path, asker)).status, `${asker.name} ${path}`).toBe(200)
      const { status } = await ask(port, 'GET', '/metrics', asker)
      const { role } = asker
      expect(status, asker.name).toBe(role === null ? 401 : role === 'peer' ? 403 : 200)
    }
  })
})

it('the files of the web UI are for anyone, and what they show is not', async () => {
  const server = guardedToolstack({}, { access })
  mountWebUi(server.app, [])
  const port = await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity: own } })
  const nobody: Asker = { name: 'nobody', role: null, headers: {}, agent: bare }
  // None has been built here, which is told behind the guard.
  expect((await ask(port, 'GET', '/', nobody)).status).toBe(404)
  expect((await ask(port, 'GET', '/v1/inventories', nobody)).status).toBe(401)
  await server.close()
})

it('who can pin only a whole certificate reaches a daemon by the name in it', async () => {
  const server = guardedStorage({}, { access })
  const port = await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity: own } })
  const agentOf = ({ certificate: ca }: typeof own) => new Agent({ ca, servername: 'crosspool' })
  const asker = (agent: Agent): Asker => ({
    name: '',
    role: 'viewer',
    headers: bearer('viewer'),
    agent,
  })
  expect((await ask(port, 'GET', '/v1/facts', asker(agentOf(own)))).status).toBe(200)
  await expect(ask(port, 'GET', '/v1/facts', asker(agentOf(stranger)))).rejects.toThrow(
    'self-signed',
  )
  await server.close()
})

it('the memory stream is for trusted hosts and administrators', async () => {
  const server = guardedToolstack({}, { access })
  server.onUpgrade(memoryPath, memoryProtocols.plain, async () => (stream) => stream.end())
  const port = await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity: own } })
  const path = `/v1${memoryPath.replace('{receiver}', 'x')}`
  const upgrade = { connection: 'Upgrade', upgrade: memoryProtocols.plain }
  const codes = await Promise.all(
    askers.map(async (asker) => {
      const agent = new Agent({ ...asker.agent.options, keepAlive: false })
      const headers = { ...asker.headers, ...upgrade }
      return [asker.name, (await ask(port, 'GET', path, { ...asker, agent, headers })).code]
    }),
  )
  await server.close()
  const wanted = askers.map(({ name, role }) => {
    if (role === null) return [name, 'UNAUTHENTICATED']
    const isIn = role === 'peer' || role === 'administrator'
    // Let in, and asked for the receiver's token.
    return [name, isIn ? 'UNAUTHORIZED' : 'FORBIDDEN']
  })
  expect(codes).toEqual(wanted)
})

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import {
  guardedStorage,
  sampleStorage,
  sampleToolstack,
} from '../../../test/support/sample-daemons.ts'
import { sample } from '../../../test/support/sample-documents.ts'
import { createLog } from '../../lib/log.ts'
import { CrosspoolError } from '../../model/errors.ts'

const servers: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})
function started<Server extends { close(): Promise<void> }>(server: Server): Server {
  servers.push(server)
  return server
}

describe('requests', () => {
  test('reach the handler with checked parameters, query and body, defaults filled in', async () => {
    const seen: unknown[] = []
    const server = started(
      sampleStorage({
        getReplicationTarget: async ({ requester: _, ...given }) => {
          seen.push(given)
          return { uri: 'drbd://h:1/r?size=1&secret=aa', replication: 'r' }
        },
        stopReplication: async ({ requester: _, ...given }) => {
          seen.push(given)
          return {}
        },
      }),
    )
    const url = `/v1/vdis/${encodeURIComponent('vg0/my disk')}/replication-target`
    expect(await server.inject({ method: 'POST', url })).toMatchObject({ statusCode: 201 })
    await server.inject({ method: 'DELETE', url: '/v1/replications/r-1' })
    expect(seen).toEqual([
      { params: { vdi: 'vg0/my disk' }, body: {} },
      { params: { replication: 'r-1' }, query: { keep: 'volume' } },
    ])
  })

  test('that do not fit the contract are refused with what is wrong', async () => {
    const server = started(sampleStorage())
    const payload = { sr: 's', name: '', sizeBytes: 'large' }
    const answer = await server.inject({ method: 'POST', url: '/v1/vdis', payload })
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({
      code: 'BAD_REQUEST',
      details: {
        reason:
          'body.name: Too small: expected string to have >=1 characters; ' +
          'body.sizeBytes: Invalid input: expected number, received string',
      },
    })
    const query = await server.inject({ method: 'DELETE', url: '/v1/replications/r?keep=all' })
    expect(query.json().message).toContain('query.keep: Invalid option')
  })

  test.each([
    ['no JSON', 'application/json', '{', 400],
    ['another type', 'text/plain', '{}', 415],
    ['too large', 'application/json', `"${'x'.repeat(2 * 1024 * 1024)}"`, 413],
  ])('with a body that is %s are refused', async (_, type, payload, status) => {
    const server = started(sampleStorage())
    const answer = await server.inject({
      ...{ method: 'POST', url: '/v1/vdis', payload, headers: { 'content-type': type } },
    })
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('for what is not there name it', async () => {
    const answer = await started(sampleStorage()).inject('/v1/nothing?x=1')
    expect(answer.statusCode).toBe(404)
    expect(answer.json().message).toContain('there is no GET /v1/nothing')
  })

  test('of a web page from elsewhere are refused; those of our own are not', async () => {
    const server = started(sampleStorage())
    const ask = (origin: string) =>
      server.inject({ method: 'GET', url: '/v1/vdis', headers: { host: 'sm:7310', origin } })
    expect((await ask('http://evil.example')).statusCode).toBe(400)
    expect((await ask('null')).statusCode).toBe(400)
    expect((await ask('http://sm:7310')).statusCode).toBe(200)
  })

  test('need the token where the contract says so', async () => {
    const tokens: string[] = []
    const server = started(
      sampleToolstack({
        getReceiver: async ({ token }) => {
          tokens.push(token)
          return sample.receiver
        },
      }),
    )
    const ask = (headers: Record<string, string>) =>
      server.inject({ url: '/v1/receivers/r', headers })
    expect((await ask({})).json()).toMatchObject({ code: 'UNAUTHORIZED' })
    expect((await ask({ 'crosspool-receiver-token': 'abc' })).statusCode).toBe(200)
    expect(tokens).toEqual(['abc'])
  })
})

describe('errors', () => {
  test('of the table are answered as their document with their status', async () => {
    const error = new CrosspoolError('SR_FULL', { sr: 's', freeBytes: 1, neededBytes: 2 })
    const server = started(
      sampleStorage({
        createVdi: async () => {
          throw error
        },
      }),
    )
    const payload = { sr: 's', name: 'n', sizeBytes: 512 }
    const answer = await server.inject({ method: 'POST', url: '/v1/vdis', payload })
    expect(answer.statusCode).toBe(507)
    expect(answer.json()).toEqual(error.toDocument())
  })

  test('of ours are hidden behind a reference that is in the log', async () => {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const log = createLog({ name: 'xapi', level: 'error', destination })
    const server = started(
      sampleToolstack(
        {
          listVms: async () => {
            throw new Error('the password is 1234')
          },
        },
        { log },
      ),
    )
    const answer = await server.inject('/v1/vms')
    expect(answer.statusCode).toBe(500)
    expect(answer.payload).not.toContain('1234')
    const { code, details } = answer.json()
    expect(code).toBe('INTERNAL')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ reference: details.reference })
    expect(lines[0]).toContain('the password is 1234')
  })

  test('an answer that does not fit the contract is ours, and not sent', async () => {
    const server = started(
      sampleStorage({ getVdi: async () => ({ ...sample.vdi, sizeBytes: -1 }) }),
    )
    const answer = await server.inject('/v1/vdis/1')
    expect(answer.json()).toMatchObject({ code: 'INTERNAL' })
  })

  test('an error that only looks like one of fastify is ours', async () => {
    const server = started(
      sampleStorage({
        getVdi: async () => {
          throw Object.assign(new Error('secret'), { statusCode: 404, code: 'ENOENT' })
        },
      }),
    )
    expect((await server.inject('/v1/vdis/1')).json()).toMatchObject({ code: 'INTERNAL' })
  })
})

describe('the description', () => {
  test('is the same with and without listening', async () => {
    const server = started(sampleToolstack())
    const document = await server.openApi()
    expect((await server.inject('/openapi.json')).json()).toEqual(
      JSON.parse(JSON.stringify(document)),
    )
  })

  test('has each route with its name, each named schema once, and only those in use', async () => {
    const text = JSON.stringify(await started(sampleToolstack()).openApi())
    expect(text).toContain('"operationId":"migrate"')
    expect(text).toContain('"/v1/vms/{vm}/migrate"')
    const { components } = JSON.parse(text)
    const names = Object.keys(components.schemas)
    expect(names).toContain('MigrateRequest')
    expect(names).toContain('Error')
    expect(names).not.toContain('Leftover')
    expect(names.filter((name) => name.endsWith('Input'))).toEqual([])
    const used = new Set([...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, n]) => n))
    expect([...used].sort()).toEqual([...names].sort())
  })
})

describe('listening', () => {
  test('also on a Unix socket, over one that was left behind, for its user alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'crosspool-'))
    const socketPath = join(folder, 'sm.sock')
    writeFileSync(socketPath, '')
    const server = started(guardedStorage())
    await server.listen({ socketPath })
    expect(statSync(socketPath).mode & 0o777).toBe(0o600)
    const answer = await new Promise<string>((resolve, reject) => {
      request({ socketPath, path: '/v1/health' }, (response) => resolve(text(response)))
        .on('error', reject)
        .end()
    })
    expect(JSON.parse(answer)).toMatchObject({ status: 'ok' })
    rmSync(folder, { recursive: true })
  })

  test('a client that offers HTTP/2 is answered in HTTP/1', async () => {
    const url = await started(sampleStorage()).listen({ host: '127.0.0.1', port: 0 })
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'x' }
    const answer = await new Promise<string>((resolve, reject) => {
      request(`${url}/v1/health`, { headers }, (response) => resolve(text(response)))
        .on('error', reject)
        .end()
    })
    expect(JSON.parse(answer)).toMatchObject({ status: 'ok' })
  })
})

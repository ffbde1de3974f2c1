import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { OpenServer } from '../../../test/support/open-door.ts'
import { sampleStorage, sampleToolstack } from '../../../test/support/sample-daemons.ts'
import { sample } from '../../../test/support/sample-documents.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { storageRoutes } from '../contract/storage-routes.ts'
import { toolstackRoutes } from '../contract/toolstack-routes.ts'
import { createApiClient } from './api-client.ts'
import { createNodeFetch } from './node-fetch.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function listening(server: OpenServer): Promise<string> {
  open.push(server)
  return server.listen({ host: '127.0.0.1', port: 0 })
}

/** A server that is none of ours. */
async function foreign(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createHttpServer(listener)
  open.push({ close: () => server.closeAllConnections() }, server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, server }
}

describe.each([
  ['a pool of its own', createNodeFetch],
  ["the platform's fetch", () => undefined],
])('over %s', (_, makeFetch) => {
  const options = () => {
    const fetch = makeFetch()
    return fetch ? { fetch } : {}
  }

  test('parameters, query, body and token arrive, and the answer comes back', async () => {
    const seen: unknown[] = []
    const note =
      <T>(answer: T) =>
      async ({ requester: _, ...given }: { readonly requester: unknown }) => {
        seen.push(given)
        return answer
      }
    const url = await listening(
      sampleToolstack({ take: note(sample.receiver), migrate: note(sample.operation) }),
    )
    const client = createApiClient(toolstackRoutes, `${url}/`, options())
    const params = { receiver: 'a/b c?d#ä%' }
    const body = { epoch: 3, start: true }
    expect(await client.take({ params, token: 'abc', body })).toEqual(sample.receiver)
    const destination = 'beta1'
    expect(await client.migrate({ params: { vm: 'v' }, body: { destination } })).toEqual(
      sample.operation,
    )
    expect(seen).toEqual([
      { params, token: 'abc', body },
      {
        params: { vm: 'v' },
        body: { destination, srMap: {}, networkMap: {}, keepSourceDisks: false },
      },
    ])
  })

  test('what has a default may be left out', async () => {
    const client = createApiClient(storageRoutes, await listening(sampleStorage()), options())
    expect(await client.health()).toMatchObject({ status: 'ok' })
    expect(await client.listVdis()).toEqual([sample.vdi])
    expect(await client.listVdis({ query: { sr: 's' } })).toEqual([sample.vdi])
    expect(await client.getReplicationTarget({ params: { vdi: 'v' } })).toMatchObject({
      replication: 'r-1',
    })
    expect(await client.stopReplication({ params: { replication: 'r' } })).toEqual({})
  })

  test('an error of the table comes back as itself', async () => {
    const error = new CrosspoolError('SIZE_MISMATCH', { sizeBytes: 1, targetSizeBytes: 2 })
    const url = await listening(
      sampleStorage({
        replicateTo: async () => {
          throw error
        },
      }),
    )
    const client = createApiClient(storageRoutes, url, options())
    const call = client.replicateTo({ params: { vdi: 'v' }, body: { uri: 'u' } })
    await expect(call).rejects.toThrow(error)
    await expect(call).rejects.toMatchObject({ code: 'SIZE_MISMATCH', details: error.details })
  })

  test('nobody there is PEER_UNREACHABLE, with the address and the reason', async () => {
    const { url, server } = await foreign(() => {})
    await new Promise((resolve) => server.close(resolve))
    await expect(createApiClient(storageRoutes, url, options()).facts()).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
      details: { url, reason: 'nothing listens there (ECONNREFUSED)' },
    })
  })

  test('no answer in time is PEER_UNREACHABLE', async () => {
    const { url } = await foreign(() => {})
    const client = createApiClient(storageRoutes, url, { ...options(), timeoutMs: 60_000 })
    await expect(client.facts({}, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
      details: { url, reason: 'no answer within 50 ms' },
    })
  })

  test('an answer that stops in the middle is PEER_UNREACHABLE', async () => {
    const { url } = await foreign((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"sta', () => response.destroy())
    })
    const client = createApiClient(storageRoutes, url, options())
    await expect(client.health()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  })

  test("the caller's own cancelling is thrown as it is", async () => {
    const { url } = await foreign(() => stop.abort(new Error('enough')))
    const stop = new AbortController()
    const client = createApiClient(storageRoutes, url, options())
    await expect(client.facts({}, { signal: stop.signal })).rejects.toThrow('enough')
  })

  test.each([
    [502, 'text/html', '<h1>Bad gateway</h1>', 'HTTP_502'],
    [200, 'text/html', '<h1>Hello</h1>', 'INVALID_ANSWER'],
    [200, 'application/json', '{"status":"fine"}', 'INVALID_ANSWER'],
    [500, 'application/json', '{"code":"NEW_ONE","message":"m","details":{}}', 'NEW_ONE'],
  ])('an answer %i of %s that is none of ours is PEER_FAILED', async (status, type, text, code) => {
    const { url } = await foreign((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end(text)
    })
    await expect(createApiClient(storageRoutes, url, options()).health()).rejects.toMatchObject({
      code: 'PEER_FAILED',
      details: { code },
    })
  })
})

describe('the pool of connections', () => {
  test('uses one connection again, also after minutes of silence that the server allows', async () => {
    const sockets = new Set<unknown>()
    const server = sampleStorage()
    server.app.addHook('onRequest', async (request) => void sockets.add(request.socket))
    const url = await listening(server)
    let keepAlive: string | null = null
    const fetch = createNodeFetch()
    const client = createApiClient(storageRoutes, url, {
      fetch: async (...request) => {
        const answer = await fetch(...request)
        keepAlive = answer.headers.get('keep-alive')
        return answer
      },
    })
    for (let call = 0; call < 5; call += 1) await client.facts()
    expect(sockets.size).toBe(1)
    expect(keepAlive).toBe('timeout=600')
  })

  test('a question that may be repeated survives a server that let go of the connection', async () => {
    let asked = 0
    const { url } = await foreign((request, response) => {
      asked += 1
      // The second question on a connection meets a server that is just hanging up.
      if (asked === 2) request.socket.resetAndDestroy()
      else response.end('{"status":"ok","apiVersion":"1"}')
    })
    const client = createApiClient(storageRoutes, url, { fetch: createNodeFetch() })
    await client.health()
    expect(await client.health()).toMatchObject({ status: 'ok' })
    expect(asked).toBe(3)
  })

  test('a command is not sent twice', async () => {
    let commands = 0
    const { url } = await foreign((request, response) => {
      if (request.method === 'GET') return response.end('{"status":"ok","apiVersion":"1"}')
      commands += 1
      request.socket.resetAndDestroy()
    })
    const client = createApiClient(storageRoutes, url, { fetch: createNodeFetch() })
    await client.health()
    await expect(client.attach({ params: { vdi: 'v' } })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    })
    expect(commands).toBe(1)
  })
})

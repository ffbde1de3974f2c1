import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { newIdentity } from '../../../test/support/identities.ts'
import {
  guardedStorage,
  guardedToolstack,
  sampleStorage,
} from '../../../test/support/sample-daemons.ts'
import { sample } from '../../../test/support/sample-documents.ts'
import { createApiClient } from '../client/api-client.ts'
import { answerBytesMax } from '../client/limited-text.ts'
import { createNodeFetch } from '../client/node-fetch.ts'
import { PinnedConnector } from '../client/pinned-connector.ts'
import { storageRoutes } from '../contract/storage-routes.ts'
import { toolstackRoutes } from '../contract/toolstack-routes.ts'
import type { ApiServer } from './create-server.ts'
import { httpLimits, refusedGraceMs } from './limits.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

const [here, there] = await Promise.all([newIdentity(), newIdentity()])

async function listening(server: ApiServer): Promise<number> {
  opened.push(() => server.close())
  return await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity: there } })
}

/** A connection of somebody else's, with all that it has been answered. */
function stranger(port: number, localAddress = '127.0.0.2', hasTls = true) {
  const place = { host: '127.0.0.1', port, localAddress, allowHalfOpen: true }
  const socket = hasTls ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place)
  opened.push(() => socket.destroy())
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes
  })
  const closed = new Promise<string>((resolve) => {
    for (const event of ['end', 'error', 'close']) socket.on(event, () => resolve(text))
  })
  return { socket, closed, connected: once(socket, hasTls ? 'secureConnect' : 'connect') }
}

function once(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve())
    socket.once('close', () => resolve())
  })
}

async function healthOf(port: number) {
  const fingerprintAt = async () => there.fingerprint
  const connector = new PinnedConnector({ identity: here, fingerprintAt })
  const fetch = createNodeFetch({ connector })
  return createApiClient(toolstackRoutes, `https://127.0.0.1:${port}`, { fetch }).health()
}

describe('connections', () => {
  test('beyond the limit of an address are cut, and others are not shut out', async () => {
    const port = await listening(
      guardedToolstack({}, { connections: { total: 100, perAddress: 5 } }),
    )
    const flood = Array.from({ length: 50 }, () => stranger(port))
    let cut = 0
    for (const { closed } of flood) void closed.then(() => (cut += 1))
    await expect.poll(() => cut, { timeout: 8_000 }).toBe(45)
    const other = stranger(port, '127.0.0.3')
    other.socket.end('GET /v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await other.closed).toContain('200 OK')
  })

  test('beyond the limit of all are cut, but not those from the host itself', async () => {
    const port = await listening(guardedToolstack({}, { connections: { total: 4, perAddress: 3 } }))
    const held = ['127.0.0.2', '127.0.0.2', '127.0.0.3', '127.0.0.3'].map((from) =>
      stranger(port, from),
    )
    await Promise.all(held.map(({ connected }) => connected))
    expect(await stranger(port, '127.0.0.4').closed).toBe('')
    expect(await healthOf(port)).toMatchObject({ status: 'ok' })
    held[0]?.socket.destroy()
    await held[0]?.closed
    await expect
      .poll(async () => {
        const { socket, closed } = stranger(port, '127.0.0.5')
        socket.end('GET /v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        return closed
      })
      .toContain('200 OK')
  })

  test.each([
    ['say nothing', '', true],
    ['do not even begin TLS', '', false],
    ['do not end their headers', 'GET /v1/health HTTP/1.1\r\nX-Slow: ', true],
  ])(
    'that %s are ended',
    async (_, text, hasTls) => {
      const port = await listening(guardedToolstack())
      const { socket, closed } = stranger(port, undefined, hasTls)
      if (text) socket.write(text)
      const drip = setInterval(() => text && socket.writable && socket.write('a'), 500)
      const begunAtMs = performance.now()
      expect(await closed).toMatch(/^HTTP\/1.1 408|^$/)
      clearInterval(drip)
      const { headersTimeout, connectionsCheckingInterval } = httpLimits
      const latestMs = headersTimeout + 2 * connectionsCheckingInterval
      expect(performance.now() - begunAtMs).toBeLessThan(latestMs + 15_000)
    },
    60_000,
  )

  test('whose offer to upgrade was refused do not stay, even if their peer does', async () => {
    const server = guardedToolstack()
    server.onUpgrade('/x', 'crosspool-memory/1', async () => () => {})
    const { socket, closed } = stranger(await listening(server))
    socket.write('GET // HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n')
    socket.write('Upgrade: crosspool-memory/1\r\n\r\n')
    const begunAtMs = performance.now()
    expect(await closed).toContain('HTTP/1.1 400')
    // Only a closed connection makes writing to it fail.
    const probe = setInterval(() => socket.writable && socket.write('x'), 100)
    await once(socket, 'close')
    clearInterval(probe)
    expect(performance.now() - begunAtMs).toBeLessThan(3 * refusedGraceMs)
  }, 30_000)
})

const head =
  'POST /v1/vdis HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer administrator\r\nContent-Type: application/json\r\n'

describe('requests', () => {
  test.each([
    ['a header without end', `X-Long: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
    ['a body that is announced too large', 'Content-Length: 2000000\r\n\r\n', '413'],
    ['lengths that contradict', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}', '400'],
    [
      'a length in two ways',
      'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
    ],
  ])('with %s are refused', async (_, rest, status) => {
    const { socket, closed } = stranger(await listening(guardedStorage()))
    socket.end(`${head}Connection: close\r\n${rest}`)
    expect(await closed).toContain(`HTTP/1.1 ${status}`)
  })

  test('with a body without end are cut off at the limit', async () => {
    const { socket, closed } = stranger(await listening(guardedStorage()))
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`)
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    let sentBytes = 0
    const more = () => {
      while (socket.writable && !socket.destroyed && sentBytes < 64 * 1024 ** 2) {
        sentBytes += chunk.length
        if (!socket.write(chunk)) return
      }
    }
    socket.on('drain', more)
    more()
    expect(await closed).toContain('HTTP/1.1 413')
    expect(sentBytes).toBeLessThan(64 * 1024 ** 2)
  })

  test.each(['[', '{"a":'])('nested without end by %s are refused', async (opening) => {
    const server = sampleStorage()
    opened.push(() => server.close())
    const levels = 100_000
    const closing = opening === '[' ? ']' : '}'
    const nested = `${opening.repeat(levels)}1${closing.repeat(levels)}`
    const { name, type } = sample.sr
    const payload = `{"name":"${name}","type":"${type}","configuration":{"x":${nested}}}`
    const headers = { 'content-type': 'application/json' }
    const answer = await server.inject({ method: 'POST', url: '/v1/srs', payload, headers })
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('a client of ours', () => {
  test('does not take an answer without end', async () => {
    const peer = createServer((_, response) => {
      const flood = () => {
        while (response.writable && !response.destroyed && response.write(' '.repeat(65_536)));
      }
      response.on('drain', flood)
      flood()
    })
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve))
    opened.push(() => peer.close())
    const { port } = peer.address() as AddressInfo
    const client = createApiClient(storageRoutes, `http://127.0.0.1:${port}`, {
      fetch: createNodeFetch(),
    })
    await expect(client.health()).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
      message: expect.stringContaining(`more than ${answerBytesMax} bytes`),
    })
  })
})

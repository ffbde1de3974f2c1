import { createHash } from 'node:crypto'
import { type Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, expect, test } from 'vitest'
import { newIdentity } from '../../../test/support/identities.ts'
import { guardedToolstack } from '../../../test/support/sample-daemons.ts'
import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { memoryPath, memoryProtocols } from '../contract/toolstack-routes.ts'
import type { ApiServer } from '../server/create-server.ts'
import { createToolstackPeers } from './peers.ts'
import { PinnedConnector } from './pinned-connector.ts'

const open: ApiServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

const [here, there] = await Promise.all([newIdentity(), newIdentity()])
const connector = new PinnedConnector({
  identity: here,
  fingerprintAt: async () => there.fingerprint,
})

async function listening(server: ApiServer): Promise<string> {
  const port = await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity: there } })
  return `https://127.0.0.1:${port}`
}

/** A server whose upgraded connections come out of `next`. */
async function serving() {
  const waiting: ((stream: Duplex) => void)[] = []
  const asked: unknown[] = []
  const server = guardedToolstack()
  server.onUpgrade(memoryPath, memoryProtocols.plain, async (params, token) => {
    asked.push({ ...params, token })
    if (token !== 'good') throw new CrosspoolError('UNAUTHORIZED')
    if (params.receiver === 'broken') throw new Error('internal detail')
    return (stream) => waiting.shift()?.(stream)
  })
  open.push(server)
  const url = await listening(server)
  return {
    ...{ server, url, asked },
    peer: createToolstackPeers(connector).connect(url),
    next: () => new Promise<Duplex>((resolve) => waiting.push(resolve)),
  }
}

async function connected() {
  const serves = await serving()
  const arriving = serves.next()
  const source = await serves.peer.openMemory('rc/1', 'good')
  return { ...serves, source, target: await arriving }
}

const closed = (stream: Duplex) => new Promise((resolve) => stream.once('close', resolve))

test('both sides get the same connection; parameters and token reach the handler', async () => {
  const { source, target, asked } = await connected()
  expect(asked).toEqual([{ receiver: 'rc/1', token: 'good' }])
  source.end('memory')
  target.end('ready')
  expect(await received(target)).toBe('memory')
  expect(await received(source)).toBe('ready')
})

test('each direction ends by itself, and the other goes on', async () => {
  const { source, target } = await connected()
  source.end('all of the memory')
  expect(await received(target)).toBe('all of the memory')
  expect(target.destroyed).toBe(false)
  const closing = [closed(source), closed(target)]
  target.end('ready')
  expect(await received(source)).toBe('ready')
  await Promise.all(closing)
})

test('the other way round as well', async () => {
  const { source, target } = await connected()
  target.end('refused')
  expect(await received(source)).toBe('refused')
  expect(source.destroyed).toBe(false)
  const closing = [closed(source), closed(target)]
  source.end('goodbye')
  expect(await received(target)).toBe('goodbye')
  await Promise.all(closing)
})

test('64 MiB go both ways at once, whole and in order', { timeout: 60_000 }, async () => {
  const { source, target } = await connected()
  const size = 64 * MiB
  const [there, back] = await Promise.all([
    digest(target),
    digest(source),
    pipeline(Readable.from(pattern(size, 1)), source, { end: true }),
    pipeline(Readable.from(pattern(size, 2)), target, { end: true }),
  ])
  expect(there).toEqual(await digest(Readable.from(pattern(size, 1))))
  expect(back).toEqual(await digest(Readable.from(pattern(size, 2))))
})

test('a side that does not read holds the other one up', async () => {
  const { source, target } = await connected()
  const chunk = Buffer.alloc(MiB)
  let writtenBytes = 0
  while (source.write(chunk) && writtenBytes < 256 * MiB) writtenBytes += MiB
  for (let wait = 0; wait < 64; wait += 1) {
    if (!(await drained(source))) break
    while (source.write(chunk)) writtenBytes += MiB
    writtenBytes += MiB
  }
  expect(writtenBytes).toBeLessThan(64 * MiB)
  source.end()
  const all = await received(target)
  expect(all.length).toBeGreaterThanOrEqual(writtenBytes)
})

test('what follows the request at once is not lost', async () => {
  const { url, next } = await serving()
  const arriving = next()
  const socket = await connector.connect(url)
  socket.write(
    `GET /v1/receivers/r/memory HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n` +
      `Upgrade: ${memoryProtocols.plain}\r\nCrosspool-Receiver-Token: good\r\n\r\nearly bytes`,
  )
  const target = await arriving
  socket.end()
  expect(await received(target)).toBe('early bytes')
  socket.destroy()
})

test.each([
  ['a wrong token', 'r', 'bad', 'UNAUTHORIZED'],
  ['a failure', 'broken', 'good', 'INTERNAL'],
])('%s is answered over HTTP', async (_, receiver, token, code) => {
  const { peer } = await serving()
  await expect(peer.openMemory(receiver, token)).rejects.toMatchObject({ code })
})

test('a server without the protocol refuses it', async () => {
  const server = guardedToolstack()
  open.push(server)
  const peer = createToolstackPeers(connector).connect(await listening(server))
  await expect(peer.openMemory('r', 'good')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
})

test('a server that takes only plain memory refuses compressed, and hands on none of it', async () => {
  const { peer, asked } = await serving()
  await expect(peer.openMemory('r', 'good', 'deflate')).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  })
  expect(asked).toEqual([])
})

test('nobody there is PEER_UNREACHABLE', async () => {
  const { server, peer } = await serving()
  await server.close()
  await expect(peer.openMemory('r', 'good')).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
})

test('no answer in time is PEER_UNREACHABLE', async () => {
  const server = guardedToolstack()
  server.onUpgrade(memoryPath, memoryProtocols.plain, () => new Promise(() => {}))
  open.push(server)
  const url = await listening(server)
  const peer = createToolstackPeers(connector, { timeoutMs: 50 }).connect(url)
  await expect(peer.openMemory('r', 'good')).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
    details: { reason: 'no answer within 50 ms' },
  })
})

test('closing the server cuts the connection', async () => {
  const { server, source, target } = await connected()
  source.on('error', () => {})
  target.on('error', () => {})
  source.resume()
  const gone = closed(source)
  await server.close()
  source.end()
  await gone
})

/** All that comes until the other side ends. Iterating would also end this side's direction. */
function received(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.once('end', () => resolve(Buffer.concat(chunks).toString('latin1')))
    stream.once('error', reject)
  })
}

async function digest(stream: Readable): Promise<string> {
  const hash = createHash('sha256')
  stream.on('data', (chunk: Buffer) => hash.update(chunk))
  await new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject))
  return hash.digest('hex')
}

function* pattern(size: number, seed: number): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024)
  for (let offset = 0; offset < size; offset += chunk.length) {
    const block = Buffer.from(chunk.fill((offset / chunk.length + seed) % 251))
    yield block
  }
}

/** False when the stream stays full although its reader had every chance to take something. */
async function drained(stream: Duplex): Promise<boolean> {
  const drain = new Promise<boolean>((resolve) => stream.once('drain', () => resolve(true)))
  const turns = (async () => {
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    return false
  })()
  return Promise.race([drain, turns])
}

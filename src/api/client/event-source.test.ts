import { createServer as createHttpServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { OpenServer } from '../../../test/support/open-door.ts'
import { sampleStorage, sampleToolstack } from '../../../test/support/sample-daemons.ts'
import { sample } from '../../../test/support/sample-documents.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Operation } from '../../model/operation.ts'
import type { Replication } from '../../model/replication.ts'
import { toolstackRoutes } from '../contract/toolstack-routes.ts'
import { createApiClient } from './api-client.ts'
import { createNodeFetch } from './node-fetch.ts'
import { createRemoteStorageManager } from './remote-storage-manager.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function listening(server: OpenServer): Promise<string> {
  open.push(server)
  return server.listen({ host: '127.0.0.1', port: 0 })
}

const watched = { params: { operation: 'o-1' } }
const at = (progress: number, state: Operation['state'] = 'running'): Operation => ({
  ...sample.operation,
  progress,
  state,
})

/** An operation whose progress the test tells. */
function source() {
  const listeners = new Set<(operation: Operation) => void>()
  return {
    listeners,
    tell: (operation: Operation) => {
      for (const listener of listeners) listener(operation)
    },
    subscribe: async () => (listener: (operation: Operation) => void) => {
      listeners.add(listener)
      listener(at(0))
      return () => void listeners.delete(listener)
    },
  }
}

describe.each([
  ['a pool of its own', createNodeFetch],
  ["the platform's fetch", () => undefined],
])('events over %s', (_, makeFetch) => {
  function clientOf(url: string) {
    const fetch = makeFetch()
    return createApiClient(toolstackRoutes, url, fetch ? { fetch } : {})
  }

  test('come as they happen, and end with the last one', async () => {
    const { subscribe, tell, listeners } = source()
    const client = clientOf(await listening(sampleToolstack({ watchOperation: subscribe })))
    const seen: number[] = []
    for await (const operation of client.watchOperation(watched)) {
      seen.push(operation.progress)
      if (operation.progress === 0) tell(at(0.5))
      if (operation.progress === 0.5) tell(at(1, 'succeeded'))
    }
    expect(seen).toEqual([0, 0.5, 1])
    expect(listeners.size).toBe(0)
  })

  test('the source hears when the watcher leaves', async () => {
    const { subscribe, listeners } = source()
    const client = clientOf(await listening(sampleToolstack({ watchOperation: subscribe })))
    for await (const _operation of client.watchOperation(watched)) break
    await expect.poll(() => listeners.size).toBe(0)
  })

  test('many watch at once, and nobody takes that for a leak', async () => {
    const warnings: string[] = []
    const note = ({ name }: Error) => void warnings.push(name)
    process.on('warning', note)
    const { subscribe, tell, listeners } = source()
    const client = clientOf(await listening(sampleToolstack({ watchOperation: subscribe })))
    const ends = Array.from({ length: 12 }, async () => {
      let last: Operation['state'] = 'queued'
      for await (const { state } of client.watchOperation(watched)) last = state
      return last
    })
    await expect.poll(() => listeners.size).toBe(12)
    tell(at(1, 'succeeded'))
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['succeeded']))
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  test('a signal ends the watch without an error', async () => {
    const { subscribe } = source()
    const client = clientOf(await listening(sampleToolstack({ watchOperation: subscribe })))
    const stop = new AbortController()
    let seen = 0
    for await (const _operation of client.watchOperation(watched, { signal: stop.signal })) {
      seen += 1
      stop.abort()
    }
    expect(seen).toBe(1)
  })

  test('a refusal is thrown, not repeated', async () => {
    let asked = 0
    const server = sampleToolstack({
      watchOperation: async () => {
        asked += 1
        throw new CrosspoolError('NOT_FOUND', { kind: 'operation', id: 'o-1' })
      },
    })
    const events = clientOf(await listening(server)).watchOperation(watched)
    await expect(events.next()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(asked).toBe(1)
  })
})

describe('a watch that is interrupted', () => {
  test('goes on with the newest document when the daemon is back', async () => {
    const first = source()
    const server = sampleToolstack({ watchOperation: first.subscribe })
    const url = await server.listen({ host: '127.0.0.1', port: 0 })
    const second = sampleToolstack()
    open.push(second)
    const interruptions: unknown[] = []
    const client = createApiClient(toolstackRoutes, url, { fetch: createNodeFetch() })
    const seen: string[] = []
    const options = { onInterruption: (error: unknown) => void interruptions.push(error) }
    for await (const operation of client.watchOperation(watched, options)) {
      seen.push(operation.state)
      if (operation.state !== 'running') continue
      await server.close()
      await second.listen({ host: '127.0.0.1', port: Number(new URL(url).port) })
    }
    expect(seen).toEqual(['running', 'succeeded'])
  })

  test('is given up when nobody answers for long', async () => {
    const server = sampleToolstack()
    const url = await server.listen({ host: '127.0.0.1', port: 0 })
    await server.close()
    const client = createApiClient(toolstackRoutes, url, { fetch: createNodeFetch() })
    const events = client.watchOperation(watched, { giveUpAfterMs: 0 })
    await expect(events.next()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  })
})

describe('the stream', () => {
  async function raw(url: string, until: string): Promise<string> {
    const abort = new AbortController()
    const response = await fetch(`${url}/v1/operations/o-1/events`, { signal: abort.signal })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      if (text.includes(until)) break
    }
    abort.abort()
    return text
  }

  test('has comments while there is nothing to tell', async () => {
    const server = sampleToolstack(
      { watchOperation: async () => () => () => {} },
      { eventHeartbeatMs: 10 },
    )
    expect(await raw(await listening(server), ': alive\n\n')).not.toContain('data:')
  })

  test('is one line of data per document', async () => {
    const { subscribe } = source()
    const text = await raw(
      await listening(sampleToolstack({ watchOperation: subscribe })),
      'data: ',
    )
    const data = text.split('data: ')[1]?.split('\n\n')[0] ?? ''
    expect(JSON.parse(data)).toEqual(at(0))
  })

  test('a reader that does not read gets the last document all the same', async () => {
    const { subscribe, tell } = source()
    const url = await listening(sampleToolstack({ watchOperation: subscribe }))
    const client = createApiClient(toolstackRoutes, url, { fetch: createNodeFetch() })
    const events = client.watchOperation(watched)
    await events.next()
    const ballast = { details: { text: 'x'.repeat(100_000) } }
    for (let step = 1; step <= 500; step += 1) tell({ ...at(step / 1000), ...ballast })
    tell(at(1, 'succeeded'))
    const progress: number[] = []
    for await (const operation of events) progress.push(operation.progress)
    expect(progress.at(-1)).toBe(1)
    expect(progress.length).toBeLessThan(400)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
  })

  test('in which a document does not fit the contract breaks, and the daemon goes on', async () => {
    const { subscribe, tell, listeners } = source()
    const url = await listening(sampleToolstack({ watchOperation: subscribe }))
    const client = createApiClient(toolstackRoutes, url)
    const interruptions: unknown[] = []
    const events = client.watchOperation(watched, {
      onInterruption: (error) => void interruptions.push(error),
    })
    await events.next()
    tell(at(7))
    expect((await events.next()).value).toEqual(at(0))
    expect(interruptions).toMatchObject([{ code: 'PEER_UNREACHABLE' }])
    expect(listeners.size).toBe(1)
    expect(await client.health()).toMatchObject({ status: 'ok' })
    await events.return()
  })

  test('that cannot begin is answered as an error', async () => {
    const url = await listening(
      sampleToolstack({
        watchOperation: async () => (listener) => {
          listener(at(7))
          return () => {}
        },
      }),
    )
    const events = createApiClient(toolstackRoutes, url).watchOperation(watched)
    await expect(events.next()).rejects.toMatchObject({ code: 'INTERNAL' })
  })
})

describe("a remote storage manager's watch", () => {
  const watch = (url: string) => {
    const seen: Replication['state'][] = []
    const stop = createRemoteStorageManager({ url, fetch: createNodeFetch() }).watchReplication(
      'r-1',
      ({ state }) => {
        seen.push(state)
      },
    )
    return { seen, stop }
  }

  test('tells the states until it is stopped', async () => {
    let tell: (replication: Replication) => void = () => {}
    let stopped = false
    const url = await listening(
      sampleStorage({
        watchReplication: async () => (listener) => {
          tell = listener
          listener(sample.replication)
          return () => {
            stopped = true
          }
        },
      }),
    )
    const { seen, stop } = watch(url)
    await expect.poll(() => seen).toEqual(['syncing'])
    tell({ ...sample.replication, state: 'synced' })
    await expect.poll(() => seen).toEqual(['syncing', 'synced'])
    stop()
    await expect.poll(() => stopped).toBe(true)
  })

  test('a replication that is gone after an interruption counts as stopped', async () => {
    let asked = 0
    const answer: RequestListener = (_request, response) => {
      asked += 1
      if (asked === 1) {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(`data: ${JSON.stringify(sample.replication)}\n\n`)
      } else {
        const error = new CrosspoolError('NOT_FOUND', { kind: 'replication', id: 'r-1' })
        response.writeHead(404).end(JSON.stringify(error.toDocument()))
      }
    }
    const server = createHttpServer(answer)
    open.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { seen } = watch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    await expect.poll(() => seen).toEqual(['syncing', 'stopped'])
  })
})

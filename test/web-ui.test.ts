import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { bundleUi } from '../scripts/bundle-ui.ts'
import { readDaemonAddress } from '../src/api/client/daemon-address.ts'
import { mountWebUi } from '../src/api/server/web-ui.ts'
import type { KnownInventory } from '../src/model/inventory.ts'
import { followInventories, followOperation } from '../src/ui/follow.ts'
import { createStore, type Memory, type StoreOptions } from '../src/ui/store.ts'
import { newIdentity } from './support/identities.ts'
import type { OpenServer } from './support/open-door.ts'
import { guardedToolstack, sampleToolstack } from './support/sample-daemons.ts'
import { sample, sampleKnownInventory } from './support/sample-documents.ts'

const folder = mkdtempSync(join(tmpdir(), 'crosspool-ui-'))
const bytesMax = 120 * 1024
const servers: Pick<OpenServer, 'close'>[] = []

beforeAll(() => bundleUi(folder))

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

afterAll(() => rmSync(folder, { recursive: true }))

function serve(
  handlers: Parameters<typeof sampleToolstack>[0] = {},
  folders: readonly string[] = [folder],
): OpenServer {
  const server = sampleToolstack(handlers)
  servers.push(server)
  mountWebUi(server.app, folders)
  return server
}

describe('the files of the web UI', () => {
  it('are served with a policy that lets nothing foreign in', async () => {
    const page = await serve().inject('/')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.headers['content-security-policy']).not.toContain('unsafe')
    expect(page.body).not.toMatch(/<script>|style=|onload|https?:/)
  })

  it('name only files that are there', async () => {
    const server = serve()
    const names = [...(await server.inject('/')).body.matchAll(/(?:src|href)="([^"]+)"/g)]
    expect(names.length).toBeGreaterThan(2)
    for (const [, url = ''] of names) expect((await server.inject(url)).statusCode, url).toBe(200)
  })

  it('are small, and sent once', async () => {
    const server = serve()
    let sentBytes = 0
    for (const url of ['/', '/ui/app.js', '/ui/style.css', '/ui/icon.svg']) {
      const headers = { 'accept-encoding': 'gzip' }
      const first = await server.inject({ url, headers })
      expect(first.headers['content-encoding']).toBe('gzip')
      sentBytes += first.rawPayload.length
      const again = { ...headers, 'if-none-match': String(first.headers.etag) }
      expect((await server.inject({ url, headers: again })).statusCode).toBe(304)
    }
    expect(sentBytes).toBeLessThan(bytesMax)
  })

  it('are those of the first folder that has them; without any it is said how to make them', async () => {
    const other = mkdtempSync(join(tmpdir(), 'crosspool-ui-'))
    const missing = await serve({}, [other]).inject('/')
    expect(missing.statusCode).toBe(404)
    expect(missing.body).toContain('npm run build')
    for (const name of ['index.html', 'app.js', 'style.css', 'icon.svg'])
      writeFileSync(join(other, name), name)
    const page = await serve({}, [join(other, 'nothing'), other, folder]).inject('/')
    expect(page.body).toBe('index.html')
    rmSync(other, { recursive: true })
  })
})

function memoryOf(): Memory {
  const slot = () => {
    let kept: string | null = null
    return {
      read: () => kept,
      write: (value: string | null) => {
        kept = value
      },
    }
  }
  return { token: slot(), theme: slot() }
}

function createTestStore(root: string, options: Partial<StoreOptions> = {}) {
  return createStore({
    ...{ root, memory: memoryOf(), now: () => 5_000, hash: '' },
    fetch: (url, request) => fetch(url, request),
    ...options,
  })
}

async function untilTrue(isThere: () => boolean): Promise<void> {
  await expect.poll(isThere, { timeout: 10_000, interval: 10 }).toBe(true)
}

describe('the state of the web UI', () => {
  it('follows the daemon, says since when it has lost it, and finds it again', async () => {
    let tell: (inventories: KnownInventory[]) => void = () => {}
    const handlers = {
      watchInventories: async () => (listener: typeof tell) => {
        tell = listener
        listener([sampleKnownInventory])
        return () => {}
      },
    }
    const first = serve(handlers)
    const root = await first.listen({ host: '127.0.0.1', port: 0 })
    const store = createTestStore(root)
    const stop = new AbortController()
    const following = followInventories(store, stop.signal)
    await untilTrue(() => store.link.value.state === 'live')
    expect(store.own.value?.name).toBe('alpha1')
    // The daemon's clock is the one that counts.
    expect(store.nowMs.value).toBe(sample.host.clockMs)
    tell([sampleKnownInventory, { ...sampleKnownInventory, name: 'alpha2' }])
    await untilTrue(() => store.inventories.value?.length === 2)

    await first.close()
    await untilTrue(() => store.link.value.state === 'lost')
    expect(store.link.value).toMatchObject({ sinceMs: sample.host.clockMs })
    expect(store.inventories.value).toHaveLength(2)
    await serve(handlers).listen({ host: '127.0.0.1', port: Number(new URL(root).port) })
    await untilTrue(() => store.link.value.state === 'live')
    await untilTrue(() => store.inventories.value?.length === 1)
    stop.abort()
    await following
  })

  it('asks for a token when the daemon does, and sends it from then on', async () => {
    const identity = await newIdentity()
    const server = guardedToolstack({
      getSession: async ({ requester: { caller } }) => ({
        kind: 'token',
        name: '',
        role: null,
        ...caller,
      }),
    })
    servers.push(server)
    const port = await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity } })
    const { url, fetch } = readDaemonAddress(`https://127.0.0.1:${port}#${identity.fingerprint}`)
    const store = createTestStore(url, { fetch })
    await followInventories(store, AbortSignal.timeout(10_000))
    expect(store.needsLogin.value).toBe(true)

    store.login('guessed')
    await followInventories(store, AbortSignal.timeout(10_000))
    expect(store.needsLogin.value).toBe(true)

    store.login('operator')
    expect(store.needsLogin.value).toBe(false)
    const stop = new AbortController()
    const following = followInventories(store, stop.signal)
    await untilTrue(() => store.session.value?.role === 'operator')
    expect(store.needsLogin.value).toBe(false)
    stop.abort()
    await following
    store.logOut()
    expect([store.token.value, store.session.value, store.inventories.value]).toEqual([
      ...[null, null, null],
    ])
  })

  it('hears of an operation until it has ended, and of one that is not there', async () => {
    const root = await serve().listen({ host: '127.0.0.1', port: 0 })
    const store = createTestStore(root)
    const seen: string[] = []
    const listener = {
      onOperation: ({ state }: { readonly state: string }) => seen.push(state),
      onProblem: (error: unknown) => seen.push(String(error)),
    }
    await followOperation(store, 'o-1', AbortSignal.timeout(10_000), listener)
    expect(seen).toEqual(['succeeded'])
    const lost = createTestStore(`${root}/nowhere`)
    await followOperation(lost, 'o-1', AbortSignal.timeout(10_000), listener)
    expect(seen).toHaveLength(2)
  })

  it('keeps the theme that was chosen, and forgets it when the system decides', () => {
    const memory = memoryOf()
    createTestStore('http://x', { memory }).setTheme('dark')
    const again = createTestStore('http://x', { memory })
    expect(again.theme.value).toBe('dark')
    again.setTheme('auto')
    expect(memory.theme.read()).toBeNull()
  })
})

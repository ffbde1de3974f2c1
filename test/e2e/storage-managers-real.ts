/**
 * Runs the contract of the storage manager over HTTP, between two hosts with the real tools.
 * Both run the sm daemon and, since a guest's part must be played on each of them,
 * `node OUT.mjs agent PORT`. One of them then runs
 * `node OUT.mjs run SOURCE-SM SOURCE-AGENT TARGET-SM TARGET-AGENT SR-TYPE SR-CONFIGURATION [CASE]`
 * with addresses for the first four, those of the sms as `crosspool identity --storage` tells them, and the sms' tokens in
 * the environment: CROSSPOOL_TOKENS=OF-SOURCE,OF-TARGET. Bundle it as test/e2e/volume-stores-real.ts.
 */
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { readDaemonAddress } from '../../src/api/client/daemon-address.ts'
import { createRemoteStorageManager } from '../../src/api/client/remote-storage-manager.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import { storageManagerCases } from '../contracts/storage-manager.cases.ts'
import type { StorageManagerFixture, StorageSide } from '../contracts/storage-manager.fixture.ts'

const blockBytes = 4096

/** Reads and writes devices of its host for whoever asks; for the lab only. */
function serveAgent(port: number): void {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://agent')
    const device = searchParams.get('device') ?? ''
    const offset = Number(searchParams.get('block')) * blockBytes
    const length = Number(searchParams.get('length'))
    const work =
      pathname === '/write' ? write(device, offset, text(request)) : read(device, offset, length)
    work.then(
      (answer) => response.end(answer),
      (error) => response.writeHead(500).end(String(error)),
    )
  })
  server.listen(port, '0.0.0.0')
}

async function write(device: string, offset: number, body: Promise<string>): Promise<string> {
  const handle = await open(device, 'r+')
  try {
    await handle.write(await body, offset)
    await handle.sync()
    return ''
  } finally {
    await handle.close()
  }
}

async function read(device: string, offset: number, length: number): Promise<string> {
  const handle = await open(device, 'r')
  try {
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, offset)
    return buffer.toString('latin1')
  } finally {
    await handle.close()
  }
}

async function ask(
  agent: string,
  path: string,
  query: Record<string, string | number>,
  body?: string,
) {
  const texts = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)])
  const parameters = new URLSearchParams(texts)
  const response = await fetch(`${agent}/${path}?${parameters}`, {
    method: 'POST',
    body: body ?? '',
    signal: AbortSignal.timeout(60_000),
  })
  const answer = await response.text()
  if (!response.ok) throw new Error(`${agent}/${path}: ${answer}`)
  return answer
}

interface Place {
  readonly number: 0 | 1
  readonly url: string
  readonly agent: string
}

async function makeSide(
  place: Place,
  type: string,
  configuration: Record<string, unknown>,
): Promise<StorageSide> {
  const token = async () => process.env.CROSSPOOL_TOKENS?.split(',')[place.number] ?? null
  const manager = createRemoteStorageManager(readDaemonAddress(place.url, token))
  const sr = await manager.createSr({ name: `contract ${type}`, type, configuration })
  const folder = { directory: '/srv/images' }
  const other = await manager.createSr({ name: 'files', type: 'file', configuration: folder })
  return {
    manager,
    sr: sr.id,
    otherSr: other.id,
    write: async (device, block, body) =>
      void (await ask(place.agent, 'write', { device, block }, body)),
    read: (device, block, length) => ask(place.agent, 'read', { device, block, length }),
  }
}

async function clear(manager: StorageManager, ids: readonly string[]): Promise<void> {
  for (const { id, vdi } of await manager.listReplications())
    if (ids.includes(vdi)) await manager.stopReplication(id, 'nothing')
  for (const { id } of await manager.listVdis()) {
    if (!ids.includes(id)) continue
    await manager.deactivate(id)
    await manager.detach(id)
    await manager.destroyVdi(id)
  }
}

async function run(
  source: Place,
  target: Place,
  type: string,
  configuration: string,
  only?: string,
) {
  const sides = [
    await makeSide(source, type, JSON.parse(configuration)),
    await makeSide(target, type, JSON.parse(configuration)),
  ] as const
  let failures = 0
  for (const one of storageManagerCases) {
    if (only && !one.name.includes(only)) continue
    const ids: string[] = []
    const fixture: StorageManagerFixture = {
      source: sides[0],
      target: sides[1],
      deadlineMs: 120_000,
      newId() {
        const id = systemRandom.uuid()
        ids.push(id)
        return id
      },
      dispose: async () => {
        for (const { manager } of sides) await clear(manager, ids)
      },
    }
    const startedMs = performance.now()
    let result = 'ok'
    try {
      if (one.isFor && !one.isFor(fixture)) result = 'not for this one'
      else await one.run(fixture)
    } catch (error) {
      result = `FAILED ${error instanceof Error ? error.stack : error}`
      failures += 1
    }
    await fixture.dispose().catch((error) => {
      result += ` CLEARING FAILED ${error instanceof Error ? error.stack : error}`
      failures += 1
    })
    console.log(`${one.name}: ${result} (${Math.round(performance.now() - startedMs)} ms)`)
  }
  console.log(failures === 0 ? 'all held' : `${failures} failed`)
  process.exit(failures === 0 ? 0 : 1)
}

const [mode, ...rest] = process.argv.slice(2)
const [first = '', second = '', third = '', fourth = '', type = 'lvm', configuration = '{}', only] =
  rest
if (mode === 'agent') serveAgent(Number(first))
else
  await run(
    { number: 0, url: first, agent: second },
    { number: 1, url: third, agent: fourth },
    type,
    configuration,
    only,
  )

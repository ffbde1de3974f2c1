import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { readDaemonAddress } from '../../src/api/client/daemon-address.ts'
import { HostLinks } from '../faults/host-links.ts'
import type { PlaygroundHost } from './playground-host.ts'
import { Scene } from './scene.ts'

/** What an administrator sees of a real migration: metrics, readiness, and logs of both hosts. */
let scene: Scene

beforeAll(async () => {
  scene = await Scene.open(new HostLinks())
})

afterAll(() => scene?.close())

/** As its own user asks a daemon. */
function ask(host: PlaygroundHost, daemon: 'xapi' | 'sm', path: string) {
  const { url, fetch } = readDaemonAddress(host.sockets[daemon])
  const signal = AbortSignal.timeout(10_000)
  return fetch(`${url}${path}`, { method: 'GET', headers: {}, signal })
}

const metricsOf = async (host: PlaygroundHost, daemon: 'xapi' | 'sm') =>
  (await ask(host, daemon, '/metrics')).text()

const lineSchema = z.looseObject({ msg: z.string(), operation: z.string().optional() })
async function logOf(host: PlaygroundHost) {
  const text = await readFile(join(host.plan.directory, 'xapi.log'), 'utf8')
  const lines = text.split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => lineSchema.parse(JSON.parse(line)))
}

it('a migration is in the metrics and, under its id, in the logs of both hosts', async () => {
  const { source, destination } = scene
  const before = await Promise.all([source, destination].map(async (host) => await logOf(host)))
  let copying = ''
  let running = ''
  const operation = await scene.disturb('memory', async () => {
    copying = await metricsOf(source, 'sm')
    running = await metricsOf(source, 'xapi')
  })
  expect(operation.state).toBe('succeeded')
  expect(running).toContain('crosspool_migrations_running{phase="memory"} 1')
  expect(copying).toMatch(/crosspool_replication_out_of_sync_bytes\{[^}]*side="source"\} \d/)
  expect(copying).toMatch(/crosspool_replications\{side="source",state="sync/)

  const after = await metricsOf(source, 'xapi')
  expect(after).toContain('crosspool_migrations_total{result="succeeded",phase="put-away"} 1')
  expect(after).toContain('crosspool_migration_blackout_seconds_count 1')
  expect(after).not.toContain('crosspool_migrations_running{')
  expect(after).toContain('route="/v1/vms/:vm/migrate",status="202"')

  for (const [index, host] of [source, destination].entries()) {
    const lines = (await logOf(host)).slice(before[index]?.length)
    expect(lines.filter((line) => line.operation !== operation.id)).toEqual([])
    expect(lines.length).toBeGreaterThan(3)
  }
  const said = (await logOf(destination)).map(({ msg }) => msg)
  expect(said).toEqual(expect.arrayContaining(['receiver is reserved', 'receiver is running']))
})

it('a host is ready, until its storage manager is gone', async () => {
  const { source } = scene
  expect((await ask(source, 'sm', '/readyz')).status).toBe(200)
  expect((await ask(source, 'xapi', '/readyz')).status).toBe(200)
  await source.sm.stop()
  const answer = await ask(source, 'xapi', '/readyz')
  expect(answer.status).toBe(503)
  expect(JSON.parse(await answer.text())).toMatchObject({
    checks: { store: 'ok', hypervisor: 'ok', storageManager: expect.stringContaining('answer') },
  })
  expect((await ask(source, 'xapi', '/healthz')).status).toBe(200)
  source.sm.start()
})

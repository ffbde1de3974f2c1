import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiClient, createApiClient } from '../../../src/api/client/api-client.ts'
import { readDaemonAddress } from '../../../src/api/client/daemon-address.ts'
import { toolstackRoutes } from '../../../src/api/contract/toolstack-routes.ts'
import { freePorts } from '../../lab/support/free-ports.ts'
import { waitUntil } from '../../lab/support/wait-until.ts'
import { type Metric, metric } from '../metric.ts'
import { socketOf } from './simulated-host.ts'

export interface ControlPlanePlan {
  readonly vms: number
  readonly migrations: number
}

const clients = 16
const askedForMs = 3_000
/** Who looks at each migration. */
const watchers = 5

type Toolstack = ApiClient<typeof toolstackRoutes>

/** Many VMs and many migrations at once, over real HTTP, TLS between the hosts, and real records, with simulated drivers. */
export async function benchControlPlane(
  { vms, migrations }: ControlPlanePlan,
  log: (line: string) => void,
): Promise<readonly Metric[]> {
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-control-plane-'))
  const ports = await freePorts(2)
  const child = fork(join(import.meta.dirname, 'server.ts'), [folder, ...ports.map(String)], {
    execArgv: ['--expose-gc', '--import', 'tsx'],
  })
  const memory = async (order?: string): Promise<number> => {
    if (order !== undefined) child.send(order)
    const [bytes] = await once(child, 'message')
    return Number(bytes)
  }
  try {
    const emptyBytes = await memory()
    const idleBytes = await memory(`add-vms ${vms}`)
    log(`${vms} idle VMs`)
    const { url, fetch } = readDaemonAddress(socketOf(folder, ports[0] ?? 0))
    const toolstack = createApiClient(toolstackRoutes, url, { timeoutMs: 120_000, fetch })
    const bare = await requestsPerSecond(() => toolstack.health())
    const own = await requestsPerSecond(() => toolstack.getVm({ params: { vm: 'vm-1' } }))
    const list = await requestsPerSecond(() => toolstack.listVms())
    const quietBytes = await memory('hold')
    const moved = await migrateMany(toolstack, `https://127.0.0.1:${ports[1]}`, migrations, memory)
    log(`${migrations} migrations at once`)
    return [
      metric('controlPlane.memoryPerIdleVm', (idleBytes - emptyBytes) / vms, 'bytes'),
      metric('controlPlane.requests.health', bare, '1/s'),
      metric('controlPlane.requests.oneVm', own, '1/s'),
      metric('controlPlane.requests.allVms', list, '1/s'),
      metric('controlPlane.requests.oneVmOfHealth', own / bare, 'ratio'),
      metric(
        'controlPlane.memoryPerRunningMigration',
        ...([(moved.heldBytes - quietBytes) / migrations, 'bytes'] as const),
      ),
      metric('controlPlane.events', moved.eventsPerSecond, '1/s'),
      metric('controlPlane.simultaneousMigrations', moved.tookMs, 'ms'),
    ]
  } finally {
    child.kill()
    await rm(folder, { recursive: true })
  }
}

async function requestsPerSecond(ask: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now()
  let answers = 0
  const askOn = async () => {
    while (performance.now() - beganMs < askedForMs) {
      await ask()
      answers += 1
    }
  }
  await Promise.all(Array.from({ length: clients }, askOn))
  return (1000 * answers) / (performance.now() - beganMs)
}

/** All of them run at the same moment, since their copies are held back until the last one has begun to copy. */
async function migrateMany(
  toolstack: Toolstack,
  destination: string,
  count: number,
  memory: (order: string) => Promise<number>,
) {
  const ids = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const params = { vm: `vm-${index + 1}` }
      return (await toolstack.migrate({ params, body: { destination } })).id
    }),
  )
  await waitUntil(
    async () => {
      const operations = (await toolstack.listOperations()).filter(({ id }) => ids.includes(id))
      const failed = operations.find(({ state }) => state === 'failed')
      if (failed) throw new Error(JSON.stringify(failed.error))
      return operations.every(({ steps }) =>
        steps.some(({ name, state }) => name === 'synchronise' && state === 'running'),
      )
    },
    { description: 'all migrations to copy', timeoutMs: 120_000 },
  )
  const heldBytes = await memory('hold')
  let events = 0
  const ends = Array.from({ length: watchers }, () => ids)
    .flat()
    .map(async (operation) => {
      let last = ''
      for await (const { state } of toolstack.watchOperation({ params: { operation } })) {
        events += 1
        last = state
      }
      if (last !== 'succeeded') throw new Error(`a migration ended ${last}`)
    })
  const beganMs = performance.now()
  const released = memory('release')
  await Promise.all(ends)
  const tookMs = performance.now() - beganMs
  await released
  return { heldBytes, tookMs, eventsPerSecond: (1000 * events) / tookMs }
}

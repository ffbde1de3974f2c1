import { expect, it } from 'vitest'
import { OperationRunner } from '../../src/engine/operation/operation-runner.ts'
import { isEnded } from '../../src/model/operation.ts'
import type { ReplicaSchedule } from '../../src/model/replica-schedule.ts'
import { silentLog } from '../../src/ports/log.ts'
import { Invariants } from './invariants.ts'
import { hostNames, TwoHosts, vm } from './two-hosts.ts'

const everyMs = 60_000
const downMs = 3_000
const daemons = ['xapi-one', 'xapi-two', 'sm-one', 'sm-two'] as const
type DaemonName = (typeof daemons)[number]

/** Two whole sides with a schedule; a daemon crashes at a point of its second refresh, and is started anew. */
async function refreshWith(crash: { readonly daemon: DaemonName; readonly point: number }) {
  const cluster = new TwoHosts(
    {
      ...{
        seed: `${crash.daemon}-${crash.point}`,
        style: 'early',
        disks: 'replicated',
        events: [],
      },
      network: { lost: 0, delayed: 0, repeated: 0 },
    },
    null,
  )
  const { scheduler, hosts, vms } = cluster
  const invariants = new Invariants(cluster)
  async function until<T>(work: Promise<T>, limitMs = 120_000): Promise<T> {
    let isOver = false
    const noted = work.finally(() => {
      isOver = true
    })
    noted.catch(() => {})
    if (
      !(await scheduler.run(
        () => isOver,
        limitMs,
        () => invariants.look(),
      ))
    )
      throw new Error(`not over at ${scheduler.elapsedMs} ms`)
    return noted
  }
  const passing = (ms: number) => until(scheduler.clock.sleep(ms), 2 * ms)
  const toolstack = () => {
    const { service } = hosts.one.toolstack
    if (!service) throw new Error('xapi-one does not serve')
    return service.toolstack
  }
  await until(cluster.setUp('replicated'))
  await until(toolstack().hosts.introduce('http://two'))
  const wish = { destination: 'two', srMap: {}, networkMap: {}, everyMs }
  await until(toolstack().schedules.put(vm, { ...wish, keepReplica: { forMs: null } }))
  await passing(everyMs / 2)

  let points = 0
  cluster.onPoint = (daemon) => {
    if (daemon !== crash.daemon) return
    points += 1
    if (points !== crash.point) return
    const host = hostNames.find((name) => hosts[name].daemon(daemon))
    const one = host && hosts[host].daemon(daemon)
    one?.crash()
    void scheduler.clock.sleep(downMs).then(() => one?.start())
  }
  await passing(everyMs)
  cluster.onPoint = () => {}
  const [then] = await until(toolstack().schedules.list())
  await passing(3 * everyMs)
  const [now] = await until(toolstack().schedules.list())
  const records = { store: hosts.one.toolstackStore, clock: scheduler.clock, log: silentLog }
  const operations = await until(new OperationRunner(records).list())
  return {
    ...{ then, now, operations, points, violations: invariants.violations },
    runsAt: vms.runningAt(vm),
    kept: await until(hosts.two.storage.service?.listReplications() ?? Promise.resolve([])),
  }
}

function expectRefreshed(now: ReplicaSchedule | undefined, what: string): void {
  expect(now, what).toMatchObject({ state: 'waiting', failures: 0, isOverdue: false })
  expect(now?.last, what).toMatchObject({ result: 'succeeded', error: null })
}

it.each(daemons)(
  'a crash of %s in the middle of a refresh is made good at the next',
  async (daemon) => {
    const undisturbed = await refreshWith({ daemon, point: 0 })
    expectRefreshed(undisturbed.then, 'undisturbed')
    expect(undisturbed.points).toBeGreaterThan(4)
    for (let point = 1; point <= undisturbed.points; point += 4) {
      const what = `${daemon} at point ${point}`
      const seen = await refreshWith({ daemon, point })
      expectRefreshed(seen.now, what)
      expect(
        seen.operations.filter((one) => !isEnded(one)),
        what,
      ).toEqual([])
      expect(seen.violations, what).toEqual([])
      expect(seen.runsAt, what).toEqual(['one'])
      expect(seen.kept, what).toHaveLength(1)
    }
  },
)

import { hasEnded, listReceivers } from '../../src/engine/migration/receiver-record.ts'
import { OperationRunner } from '../../src/engine/operation/operation-runner.ts'
import { isEnded } from '../../src/model/operation.ts'
import { silentLog } from '../../src/ports/log.ts'
import { DiskCaches } from './disk-caches.ts'
import { FaultInjector } from './fault-injector.ts'
import { Invariants, type Loss } from './invariants.ts'
import type { Scenario } from './scenario.ts'
import { hash } from './seeded-random.ts'
import { hostNames, TwoHosts, vm } from './two-hosts.ts'
import type { Mutation } from './whole-host.ts'
import { WritingGuest } from './writing-guest.ts'

export interface Outcome {
  readonly violations: readonly string[]
  readonly trace: readonly string[]
  /** Of the order in which everything happened, whenever it was. */
  readonly fingerprint: number
  readonly runsAt: string | null
  readonly loss: Loss | null
  readonly isUndecided: boolean
  readonly points: FaultInjector['points']
  readonly elapsedMs: number
}

/** Nothing new breaks after this. */
const faultsMs = 120_000
/** Then everything must come to rest by itself. */
const restMs = 1_200_000
const lookEveryMs = 1_000
const keptMs = 20_000
const undecidedAfterMs = 60_000

/** One migration with all that the scenario lets happen to it, until everything has come to rest. */
export async function runScenario(
  scenario: Scenario,
  mutation: Mutation | null = null,
): Promise<Outcome> {
  const cluster = new TwoHosts(scenario, mutation)
  const { scheduler, vms, disks } = cluster
  const invariants = new Invariants(cluster)
  cluster.onTake = () => invariants.tellsToTake()
  let isOver = false
  const slotsReady = cluster.setUp(scenario.disks)
  let slots: readonly string[] = []
  void slotsReady.then((found) => {
    slots = found
    isOver = true
  })
  if (
    !(await scheduler.run(
      () => isOver,
      60_000,
      () => {},
    ))
  )
    throw new Error('no set-up')

  const caches = new DiskCaches(disks)
  const guest = new WritingGuest({
    ...{ vm, slots, scheduler, disks, vms, caches, random: cluster.random.fork('guest') },
    onProblem: (problem) => invariants.report(problem),
  })
  for (const host of hostNames) vms.watch(host, () => guest.changed())
  const injector = new FaultInjector({
    ...{ cluster, guest, caches, events: scenario.events },
    onPowerLoss: (host) => invariants.powerLost(host),
    onGuestEnd: () => invariants.guestEnded(),
  })
  const look = () => invariants.look()
  isOver = false
  void migrate(cluster, injector, scenario)
    .then(() => untilAtRest(cluster, injector, invariants, guest))
    .then(() => {
      injector.stop()
      return invariants.lookAtEnd(guest)
    })
    .then(() => {
      isOver = true
    })
  const isStuck = () => isOver || invariants.violations.length > 0
  if (!(await scheduler.run(isStuck, faultsMs + restMs, look)))
    invariants.report(`it has not come to rest: ${await describeUnrest(cluster)}`)
  return {
    violations: invariants.violations,
    trace: cluster.trace.map(({ atMs, event }) => `${String(atMs).padStart(7)} ms  ${event}`),
    fingerprint: hash(cluster.trace.map(({ event }) => event).join('\n')),
    runsAt: vms.runningAt(vm)[0] ?? null,
    loss: invariants.loss,
    isUndecided: invariants.isUndecided,
    points: injector.points,
    elapsedMs: scheduler.elapsedMs,
  }
}

async function migrate(
  cluster: TwoHosts,
  injector: FaultInjector,
  { keepReplica: mode }: Scenario,
): Promise<void> {
  const { scheduler, hosts } = cluster
  await scheduler.clock.sleep(60)
  const srMap = { xvda: 'local', xvdc: 'local' }
  const keepReplica = mode ? { keepReplica: { mode, forMs: keptMs } } : {}
  const asked = { destination: 'http://two', srMap, networkMap: {}, keepSourceDisks: false }
  const request = { ...asked, ...keepReplica }
  const { service, life } = hosts.one.toolstack
  if (!service || !life) return
  // A crash at this point leaves no answer; what was recorded goes on all the same.
  const crashed = new Promise<null>((resolve) => life.onEnd(() => resolve(null)))
  const begun = service.toolstack.migrate(vm, request).catch(() => null)
  const operation = await Promise.race([begun, crashed])
  if (operation) injector.migrates(operation.id)
}

async function untilAtRest(
  cluster: TwoHosts,
  injector: FaultInjector,
  invariants: Invariants,
  guest: WritingGuest,
): Promise<void> {
  const { scheduler, vms } = cluster
  let undecidedMs = 0
  for (;;) {
    await scheduler.clock.sleep(lookEveryMs)
    if (scheduler.elapsedMs > faultsMs) injector.stop()
    if (!injector.isMended || (await describeUnrest(cluster))) {
      undecidedMs = invariants.isUndecided && injector.isMended ? undecidedMs + lookEveryMs : 0
      if (undecidedMs > undecidedAfterMs) return
      continue
    }
    const before = guest.progress
    await scheduler.clock.sleep(lookEveryMs * 10)
    if (!injector.isMended || (await describeUnrest(cluster))) continue
    if (vms.runningAt(vm).length && guest.progress === before && before !== Infinity)
      invariants.report('the guest waits for its disks for ever')
    return
  }
}

/** Who still has something to do; empty when nobody has. */
async function describeUnrest({ hosts, scheduler }: TwoHosts): Promise<string> {
  const restless: string[] = []
  for (const name of hostNames) {
    const { storage, toolstack, toolstackStore: store } = hosts[name]
    for (const daemon of [storage, toolstack])
      if (!daemon.service) restless.push(`${daemon.name} does not serve`)
    const records = new OperationRunner({ store, clock: scheduler.clock, log: silentLog })
    for (const operation of await records.list()) {
      const step = operation.steps.find(({ state }) => state === 'running' || state === 'undoing')
      if (!isEnded(operation)) restless.push(`the migration is ${operation.state} at ${step?.name}`)
    }
    const replications = (await storage.service?.listReplications()) ?? []
    if (replications.some(({ kept }) => kept)) restless.push(`a replica is kept at ${name}`)
    for (const receiver of await listReceivers(store))
      if (!hasEnded(receiver)) restless.push(`the receiver is ${receiver.state}`)
  }
  return restless.join('; ')
}

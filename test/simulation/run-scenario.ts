import { DiskCaches } from './disk-caches.ts'
import { FaultInjector } from './fault-injector.ts'
import { Invariants, type Loss } from './invariants.ts'
import { describeUnrest, faultsMs, restMs, travel } from './journey.ts'
import { LawsOfRest } from './laws-of-rest.ts'
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
  /** From where the VM has set out last. */
  readonly source: string
  readonly loss: Loss | null
  readonly isUndecided: boolean
  readonly points: FaultInjector['points']
  /** The first of them that is one of the migration that is looked at; null when it has not come to that. */
  readonly setsOutAtPoint: number | null
  readonly elapsedMs: number
}

/** One migration, and what comes before it, with all that the scenario lets happen to it, until everything has come to rest. */
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
  const laws = new LawsOfRest(cluster, invariants)
  void travel({ cluster, injector, invariants, laws, guest, scenario })
    .then(() => {
      injector.stop()
      return laws.lookAtEnd(guest)
    })
    .then(() => {
      isOver = true
    })
  const isStuck = () => isOver || invariants.violations.length > 0
  const legs = scenario.journey ? 2 : 1
  if (!(await scheduler.run(isStuck, legs * (faultsMs + restMs), look)))
    invariants.report(`it has not come to rest: ${await describeUnrest(cluster)}`)
  return {
    violations: invariants.violations,
    trace: cluster.trace.map(({ atMs, event }) => `${String(atMs).padStart(7)} ms  ${event}`),
    fingerprint: hash(cluster.trace.map(({ event }) => event).join('\n')),
    runsAt: vms.runningAt(vm)[0] ?? null,
    source: cluster.course.source,
    loss: invariants.loss,
    isUndecided: invariants.isUndecided,
    points: injector.points,
    setsOutAtPoint: injector.setsOutAtPoint,
    elapsedMs: scheduler.elapsedMs,
  }
}

import { hasEnded, listReceivers } from '../../src/engine/migration/receiver-record.ts'
import { OperationRunner } from '../../src/engine/operation/operation-runner.ts'
import { isEnded } from '../../src/model/operation.ts'
import type { KeepMode } from '../../src/model/replication.ts'
import { silentLog } from '../../src/ports/log.ts'
import type { FaultInjector } from './fault-injector.ts'
import type { Invariants } from './invariants.ts'
import type { LawsOfRest } from './laws-of-rest.ts'
import type { Scenario } from './scenario.ts'
import { courseFrom, hostNames, type TwoHosts, vm } from './two-hosts.ts'
import type { WritingGuest } from './writing-guest.ts'

/** Nothing new breaks after this. */
export const faultsMs = 120_000
/** Then everything must come to rest by itself. */
export const restMs = 1_200_000
const lookEveryMs = 1_000
const settleMs = 60
const keptMs = 20_000
const undecidedAfterMs = 60_000

interface Parts {
  readonly cluster: TwoHosts
  readonly injector: FaultInjector
  readonly invariants: Invariants
  readonly laws: LawsOfRest
  readonly guest: WritingGuest
  readonly scenario: Scenario
}

/** The migration, after what comes before it, each until everything has come to rest. */
export async function travel(parts: Parts): Promise<void> {
  const { scenario, cluster, injector, invariants, guest } = parts
  const { journey, keepReplica, keepsAgain } = scenario
  let begunMs = 0
  if (journey) {
    await ask(parts, journey === 'copied' ? 'replicate' : 'migrate', keepReplica)
    await untilAtRest(parts, (unrest) => unrest.filter(({ isReplica }) => !isReplica))
    begunMs = cluster.scheduler.elapsedMs
  }
  const [at] = hostNames.filter((name) => cluster.vms.runningAt(vm).includes(name))
  if (at) {
    cluster.course = courseFrom(at)
    invariants.setsOut()
    injector.setsOut()
    if (journey) guest.writeAgain()
    await ask(parts, 'migrate', !journey || keepsAgain ? keepReplica : undefined)
  }
  await untilAtRest(parts, undefined, begunMs + faultsMs)
}

async function ask(
  { cluster, injector }: Parts,
  what: 'migrate' | 'replicate',
  mode: KeepMode | undefined,
): Promise<void> {
  const { scheduler, hosts, course } = cluster
  await scheduler.clock.sleep(settleMs)
  const srMap = course.source === 'one' ? { xvda: 'local', xvdc: 'local' } : {}
  const keepReplica = mode ? { keepReplica: { mode, forMs: keptMs } } : {}
  const destination = `http://${course.destination}`
  const asked = { destination, srMap, networkMap: {}, keepSourceDisks: false }
  const { service, life } = hosts[course.source].toolstack
  if (!service || !life) return
  // A crash at this point leaves no answer; what was recorded goes on all the same.
  const crashed = new Promise<null>((resolve) => life.onEnd(() => resolve(null)))
  const begun = service.toolstack[what](vm, { ...asked, ...keepReplica }).catch(() => null)
  const operation = await Promise.race([begun, crashed])
  if (operation) injector.migrates(operation.id)
}

interface Unrest {
  readonly what: string
  readonly isReplica: boolean
}

async function untilAtRest(
  { cluster, injector, invariants, laws, guest }: Parts,
  counted: (unrest: readonly Unrest[]) => readonly Unrest[] = (unrest) => unrest,
  faultsUntilMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { scheduler, vms } = cluster
  const isAtRest = async () => {
    if (!injector.isMended) return false
    const unrest = await findUnrest(cluster)
    if (unrest.length && unrest.every(({ isReplica }) => isReplica)) await laws.lookAtReplicas()
    return counted(unrest).length === 0
  }
  let undecidedMs = 0
  for (;;) {
    await scheduler.clock.sleep(lookEveryMs)
    if (scheduler.elapsedMs > faultsUntilMs) injector.stop()
    if (!(await isAtRest())) {
      undecidedMs = invariants.isUndecided && injector.isMended ? undecidedMs + lookEveryMs : 0
      if (undecidedMs > undecidedAfterMs) return
      continue
    }
    const before = guest.progress
    await scheduler.clock.sleep(lookEveryMs * 10)
    if (!(await isAtRest())) continue
    if (vms.runningAt(vm).length && guest.progress === before && before !== Infinity)
      invariants.report('the guest waits for its disks for ever')
    return
  }
}

/** Who still has something to do; empty when nobody has. */
export async function describeUnrest(cluster: TwoHosts): Promise<string> {
  return (await findUnrest(cluster)).map(({ what }) => what).join('; ')
}

async function findUnrest({ hosts, scheduler }: TwoHosts): Promise<Unrest[]> {
  const restless: Unrest[] = []
  const add = (what: string, isReplica = false) => void restless.push({ what, isReplica })
  for (const name of hostNames) {
    const { storage, toolstack, toolstackStore: store } = hosts[name]
    for (const daemon of [storage, toolstack])
      if (!daemon.service) add(`${daemon.name} does not serve`)
    const records = new OperationRunner({ store, clock: scheduler.clock, log: silentLog })
    for (const operation of await records.list()) {
      const step = operation.steps.find(({ state }) => state === 'running' || state === 'undoing')
      if (!isEnded(operation)) add(`the migration is ${operation.state} at ${step?.name}`)
    }
    const replications = (await storage.service?.listReplications()) ?? []
    if (replications.some(({ kept }) => kept)) add(`a replica is kept at ${name}`, true)
    for (const receiver of await listReceivers(store))
      if (!hasEnded(receiver)) add(`the receiver is ${receiver.state}`)
  }
  return restless
}

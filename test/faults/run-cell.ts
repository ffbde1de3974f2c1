import type { GuestVerdict } from '../lab/guest/judge-guest.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import type { PlaygroundHost } from '../playground/playground-host.ts'
import type { FaultStage } from './fault-stage.ts'
import { expectation, type Fault } from './faults.ts'
import { describeEnd, untilEnded, untilIn, untilSettled } from './follow.ts'
import { Hold } from './hold.ts'
import type { Outcome } from './outcome.ts'
import { type Phase, portOf } from './phases.ts'
import { leftoversOf } from './settled.ts'

const reachedWithinMs = 40_000
const settledWithinMs = 120_000
const cleanWithinMs = 20_000

/** Migrates the guest, lets the fault happen at the phase, waits until both sides have settled by themselves, and judges. */
export async function runCell(stage: FaultStage, phase: Phase, fault: Fault): Promise<Outcome> {
  const expected = expectation(phase, fault)
  if (expected === null) throw new Error(`${fault.name} cannot happen at ${phase.name}`)
  const { sides, guest } = stage
  const { source, destination } = sides
  const { operation, hold } = await begin(stage, phase)
  const faultAtMs = performance.now()
  const end = await fault.inject(sides)
  hold?.release()
  const ended = untilEnded(source, operation, { timeoutMs: settledWithinMs })
  await end(ended)
  await stage.waitUntilAnswering()
  const document = await ended
  await untilSettled(stage.playground.hosts, { timeoutMs: settledWithinMs })
  const settledMs = performance.now() - faultAtMs

  const hosts = await stage.whereItRuns()
  const [at = null] = hosts
  const runsAt = at === null ? 'nowhere' : at === source ? 'source' : 'destination'
  const problems: string[] = []
  if (hosts.length > 1) problems.push('it runs in two places')
  if (!expected.includes(runsAt)) problems.push(`it runs at ${runsAt}, not at ${expected}`)
  if (at) await untilHeard(stage, at)
  const leftovers = await untilClean(stage, at)
  const verdict = at ? await guest.checkWrites(at) : await judgeDead(stage)
  problems.push(...verdict.problems, ...leftovers)
  if (at === destination) stage.moveTo(destination)
  return {
    ...{ phase: phase.name, fault: fault.name, runsAt, ended: describeEnd(document) },
    ...{ writesLost: verdict.acknowledgedWritesLost, ioErrors: verdict.ioErrors },
    ...{ leftovers, settledMs, problems },
  }
}

/** Starts a migration and waits until it is at the phase. */
async function begin(
  { guest, sides, links }: FaultStage,
  phase: Phase,
): Promise<{ operation: string; hold: Hold | null }> {
  const { source, destination } = sides
  const { held } = phase
  const relay = held?.asks === 'own sm' ? links.inside : links.between
  const port = held ? portOf(held.asks, source, destination) : 0
  const hold = held ? new Hold(held.what, { port, method: 'POST', path: held.path }) : null
  if (hold) relay.add(hold)
  try {
    const { id } = await source.toolstack.migrate({
      params: { vm: guest.name },
      body: { destination: destination.url, srMap: { '*': 'qcow2' } },
    })
    const inStep = () => untilIn(source, id, phase.step, { timeoutMs: reachedWithinMs })
    await (hold ? within(hold.met, phase.name).then(inStep) : inStep())
    return { operation: id, hold }
  } catch (error) {
    hold?.release()
    throw error
  } finally {
    if (hold) relay.remove(hold)
  }
}

async function within(met: Promise<void>, phase: string): Promise<void> {
  let isMet = false
  void met.then(() => {
    isMet = true
  })
  const options = { description: `phase ${phase}`, timeoutMs: reachedWithinMs, intervalMs: 5 }
  await waitUntil(() => isMet, options)
}

async function untilHeard({ guest }: FaultStage, at: PlaygroundHost): Promise<void> {
  await guest.waitUntilOn(at).catch(async (error: unknown) => {
    const { state } = await at.toolstack.getVm({ params: { vm: guest.name } })
    throw new Error(`${error}; it is ${state} there`, { cause: error })
  })
}

/** Processes take a moment to end. */
async function untilClean(
  { playground, shapes }: FaultStage,
  at: PlaygroundHost | null,
): Promise<readonly string[]> {
  let left: readonly string[] = []
  const isClean = async () => {
    left = await leftoversOf(playground, shapes, at)
    return left.length === 0
  }
  await waitUntil(isClean, { description: 'nothing left', timeoutMs: cleanWithinMs }).catch(
    () => {},
  )
  return left
}

async function judgeDead(stage: FaultStage): Promise<GuestVerdict> {
  const { home, images } = await stage.orphanedDisks()
  const verdict = await stage.guest.judge(images)
  await stage.startAgainOn(home)
  return verdict
}

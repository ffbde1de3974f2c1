import { MiB } from '../../../src/lib/units.ts'
import type { ClusterHost } from '../../e2e/cluster.ts'
import { waitUntil } from '../../lab/support/wait-until.ts'
import { expectation } from '../faults.ts'
import { describeEnd, untilEnded, untilIn, untilSettled } from '../follow.ts'
import type { Outcome } from '../outcome.ts'
import type { XenFault } from './xen-fault.ts'
import type { xenPhases } from './xen-phases.ts'
import type { XenStage } from './xen-stage.ts'

const reachedWithinMs = 300_000
const settledWithinMs = 420_000
const cleanWithinMs = 60_000
/** Each question costs an emulated host some of the little that it can do. */
const pace = { intervalMs: 50, farIntervalMs: 500 }
const settled = { timeoutMs: settledWithinMs, intervalMs: 1_000 }

/** As on the playground: a migration, the fault, and then nobody does anything until both sides have settled. */
export async function runXenCell(
  stage: XenStage,
  phase: (typeof xenPhases)[number],
  fault: XenFault,
): Promise<Outcome> {
  const expected = expectation(phase, fault)
  if (expected === null) throw new Error(`${fault.name} cannot happen at ${phase.name}`)
  const { source, destination } = stage.sides
  await stage.startGuest()
  const { id } = await source.toolstack.migrate({
    params: { vm: stage.guest.name },
    body: {
      destination: `${destination.pool}/${destination.name}`,
      srMap: { '*': fault.sr ?? 'local' },
      // The fault is to find something that has not been copied yet.
      ...(phase.step === 'synchronise' ? { bytesPerSecondMax: 2 * MiB } : {}),
    },
  })
  await untilIn(source, id, phase.step, { timeoutMs: reachedWithinMs, ...pace })
  const faultAtMs = performance.now()
  const end = await fault.inject(stage.sides, phase.era)
  const ended = untilEnded(source, id, settled)
  // Looked at below.
  ended.catch(() => {})
  await end(ended)
  await Promise.all(stage.hosts.map((host) => host.waitUntilAnswering()))
  const decision = decideWhereNobodyKnows(destination, ended)
  const operation = await ended
  await untilSettled(stage.hosts, settled)
  const settledMs = performance.now() - faultAtMs

  const hosts = await stage.whereItRuns()
  const [at = null] = hosts
  const runsAt = at === null ? 'nowhere' : at === source ? 'source' : 'destination'
  const problems: string[] = []
  if (hosts.length > 1) problems.push('it runs in two places')
  if (!expected.includes(runsAt)) problems.push(`it runs at ${runsAt}, not at ${expected}`)
  if (at) await stage.guest.waitUntilOn(at.lab)
  const verdict = await stage.judge(at)
  const leftovers = await untilClean(stage)
  problems.push(...verdict.problems, ...leftovers)
  const told = (await decision) ? '; an administrator said that it ran' : ''
  return {
    ...{ phase: phase.name, fault: fault.name, runsAt, ended: describeEnd(operation) + told },
    ...{ writesLost: verdict.acknowledgedWritesLost, ioErrors: verdict.ioErrors },
    ...{ leftovers, settledMs, problems },
  }
}

/** A destination that lost its power as it started the VM waits for somebody who can tell. Whether it had to be told. */
async function decideWhereNobodyKnows(
  { toolstack }: ClusterHost,
  ended: Promise<unknown>,
): Promise<boolean> {
  let hasEnded = false
  const note = () => {
    hasEnded = true
  }
  void ended.then(note, note)
  return await waitUntil(
    async () => {
      const open = (await toolstack.listOwnerships()).find(
        ({ settled, decisions }) => !settled && decisions.includes('it-ran'),
      )
      if (!open) return hasEnded ? 'no' : false
      const body = { decision: 'it-ran' as const, sure: true as const }
      await toolstack.decideOwnership({ params: { vm: open.vm }, body })
      return 'yes'
    },
    { description: 'the migration to end, or to need a decision', ...settled },
  ).then((answer) => answer === 'yes')
}

async function untilClean(stage: XenStage): Promise<readonly string[]> {
  let left: readonly string[] = []
  const isClean = async () => {
    left = await stage.leftovers()
    return left.length === 0
  }
  const options = { description: 'nothing left', timeoutMs: cleanWithinMs, intervalMs: 2_000 }
  await waitUntil(isClean, options).catch(() => {})
  return left
}

import { unlink, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcess } from '../lab/support/processes.ts'
import type { Daemon } from '../playground/daemon.ts'
import type { PlaygroundHost } from '../playground/playground-host.ts'
import { processesOf } from '../playground/run-directory.ts'
import { fullFlag } from './host-links.ts'
import type { Era, Phase } from './phases.ts'
import type { LinkState, Relay } from './relay.ts'

export type Place = 'source' | 'destination' | 'nowhere'

/** Those whom a fault may hit. */
export interface Sides {
  readonly source: PlaygroundHost
  readonly destination: PlaygroundHost
  readonly link: Relay
}

export interface Fault {
  readonly name: string
  /** Where the VM may run afterwards, by whose it was at the fault. An era that is missing cannot have this fault. */
  readonly expected: Partial<Readonly<Record<Era, readonly Place[]>>>
  /** Phases at which there is nothing to hit. */
  readonly except?: readonly string[]
  /** Does it, and answers what ends it. */
  inject(sides: Sides): Promise<Ending>
}

/** Is begun at once and takes its time; `finished` when the migration's operation has ended, or cannot be asked. */
export type Ending = (finished: Promise<unknown>) => Promise<void>

/** As a service manager would. */
const restartMs = 1_000
/** Longer than both sides wait for each other. */
const outageMs = 12_000

const source: readonly Place[] = ['source']
const destination: readonly Place[] = ['destination']
const either: readonly Place[] = ['source', 'destination']

function kill(daemonsOf: (sides: Sides) => readonly Daemon[]): Fault['inject'] {
  return async (sides) => {
    const daemons = daemonsOf(sides)
    await Promise.all(daemons.map((daemon) => daemon.kill()))
    return async () => {
      await sleep(restartMs)
      for (const daemon of daemons) daemon.start()
    }
  }
}

/** Ends processes of a host; there must be some. */
function killAll(side: 'source' | 'destination', pattern: RegExp): Fault['inject'] {
  return async (sides) => {
    const host = sides[side]
    const all = await processesOf(host.plan.directory)
    const matching = all.filter(({ command }) => pattern.test(command))
    if (matching.length === 0) throw new Error(`nothing of ${pattern} runs on ${host.name}`)
    await Promise.all(matching.map(({ identity }) => endProcess(identity, 'SIGKILL')))
    return async () => {}
  }
}

function breakLink(state: LinkState): Fault['inject'] {
  return async ({ link }) => {
    link.become(state)
    return async () => {
      await sleep(outageMs)
      link.become('open')
    }
  }
}

async function slowLinkDown({ link }: Sides): Promise<Ending> {
  link.become('slow')
  return async (finished) => {
    await finished
    link.become('open')
  }
}

async function fillDisks({ destination: host }: Sides): Promise<Ending> {
  const flag = fullFlag(host.plan)
  await writeFile(flag, '')
  return async (finished) => {
    await finished
    await unlink(flag)
  }
}

const hypervisor = /^\S*qemu-system/
const storage = /^\S*qemu-storage-daemon/
const gateways = /^\S*qemu-storage-daemon.*\/mirrors\//
/** Mirrors begin anew by themselves, so the migration may end either way. */
const anyEnd = { before: either, handover: either, after: destination }
/** There are gateways from the first mirror to the last. */
const withoutMirrors = ['reserve', 'unmirror', 'put-away']

export const faults: readonly Fault[] = [
  {
    name: 'source xapi killed',
    expected: { before: source, handover: either, after: destination },
    inject: kill(({ source: { xapi } }) => [xapi]),
  },
  {
    name: 'source sm killed',
    expected: anyEnd,
    inject: kill(({ source: { sm } }) => [sm]),
  },
  {
    name: 'destination xapi killed',
    expected: anyEnd,
    inject: kill(({ destination: { xapi } }) => [xapi]),
  },
  {
    name: 'destination sm killed',
    expected: anyEnd,
    inject: kill(({ destination: { sm } }) => [sm]),
  },
  {
    name: 'both daemons of the source killed',
    expected: { before: source, handover: either, after: destination },
    inject: kill(({ source: { sm, xapi } }) => [sm, xapi]),
  },
  {
    name: 'both daemons of the destination killed',
    expected: anyEnd,
    inject: kill(({ destination: { sm, xapi } }) => [sm, xapi]),
  },
  {
    name: "destination's QEMU killed",
    expected: { before: source, handover: source, after: ['nowhere'] },
    // It is started for the memory.
    except: ['reserve', 'replicate', 'synchronise', 'arm'],
    inject: killAll('destination', hypervisor),
  },
  {
    name: "source's storage processes killed",
    expected: anyEnd,
    // They end as the disks are put away.
    except: ['put-away'],
    inject: killAll('source', storage),
  },
  {
    name: "destination's storage processes killed",
    expected: anyEnd,
    inject: killAll('destination', storage),
  },
  {
    name: "source's gateways killed",
    expected: anyEnd,
    // It is started after the answer that is held at `replicate`.
    except: ['replicate', ...withoutMirrors],
    inject: killAll('source', gateways),
  },
  {
    name: "destination's gateways killed",
    expected: anyEnd,
    except: withoutMirrors,
    inject: killAll('destination', gateways),
  },
  {
    name: 'destination has no room left',
    expected: { before: source },
    inject: fillDisks,
  },
  {
    name: 'link cut for 12 s',
    expected: { before: source, handover: either, after: destination },
    inject: breakLink('cut'),
  },
  {
    name: 'link half-open for 12 s',
    expected: { before: source, handover: either, after: destination },
    inject: breakLink('frozen'),
  },
  {
    name: 'link slow: 50 ms each way, with stalls',
    expected: { before: destination, handover: destination, after: destination },
    inject: slowLinkDown,
  },
]

/** What may come of it; null where the fault cannot happen. */
export function expectation(
  phase: Pick<Phase, 'name' | 'era'>,
  fault: Pick<Fault, 'expected' | 'except'>,
): readonly Place[] | null {
  if (fault.except?.includes(phase.name)) return null
  return fault.expected[phase.era] ?? null
}

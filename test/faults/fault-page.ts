import { markdownTable } from '../../scripts/markdown-table.ts'
import type { Fault } from './faults.ts'
import type { Outcome } from './outcome.ts'
import type { Phase } from './phases.ts'

const head = [
  'phase',
  'fault',
  'the VM runs at',
  'the migration',
  'writes lost',
  'I/O errors',
  'left behind',
  'seconds',
]

/** docs/reference/fault-matrix.md */
export function faultPage(
  outcomes: readonly Outcome[],
  phases: readonly Phase[],
  faults: readonly Fault[],
): string {
  const failed = outcomes.filter(({ problems }) => problems.length > 0)
  const moments = phases.map(({ name, explanation }) => `- **${name}**: ${explanation}`)
  return `# Faults, each at each moment of a migration

Written by \`npm run faults\`: a record of one run on [the playground](../../test/playground/README.md), real QEMU with
user-space mirrors. A guest writes to two disks and moves; at a moment of the migration something happens; what was
killed is started again after a second; nobody does anything else. Then both sides must have settled, with the VM in one
place (in none only where its own QEMU was killed), every acknowledged write on its disks, and nothing left behind.

Of ${phases.length} moments × ${faults.length} faults ${outcomes.length} can happen, and were tried; ${failed.length} ended otherwise than they must.
Clocks that jump are not in it: two hosts on one machine have one clock.

The moments:

${moments.join('\n')}

_Seconds_ are those from the fault until both sides had settled, the outage itself included.

${outcomeTable(outcomes)}`
}

/** One row for each; what was not as it must be stands below. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.phase,
    outcome.fault,
    outcome.runsAt,
    outcome.ended,
    String(outcome.writesLost),
    String(outcome.ioErrors),
    String(outcome.leftovers.length),
    (outcome.settledMs / 1000).toFixed(0),
  ])
  const failed = outcomes.filter(({ problems }) => problems.length > 0)
  return `${markdownTable([head, ...rows])}\n${failed.map(describeFailure).join('')}`
}

function describeFailure({ phase, fault, problems }: Outcome): string {
  return `\n**${phase}, ${fault}**: ${problems.join('; ')}\n`
}

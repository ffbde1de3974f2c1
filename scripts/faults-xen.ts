import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { outcomeTable } from '../test/faults/fault-page.ts'
import { expectation } from '../test/faults/faults.ts'
import type { Outcome } from '../test/faults/outcome.ts'
import { runXenCells, type XenCell } from '../test/faults/xen/run-xen-cells.ts'
import { xenFaults } from '../test/faults/xen/xen-faults.ts'
import { xenPhases } from '../test/faults/xen/xen-phases.ts'

const folder = resolve(import.meta.dirname, '../docs/reference')
const known = resolve(folder, 'fault-matrix-xen.json')
const page = resolve(folder, 'fault-matrix-xen.md')

const outcomesSchema = z.array(
  z.object({
    ...{ phase: z.string(), fault: z.string(), ended: z.string() },
    runsAt: z.enum(['source', 'destination', 'nowhere']),
    ...{ writesLost: z.number(), ioErrors: z.number(), settledMs: z.number() },
    ...{ leftovers: z.array(z.string()), problems: z.array(z.string()) },
  }),
)

const cells: readonly XenCell[] = xenPhases.flatMap((phase) =>
  xenFaults.filter((fault) => expectation(phase, fault)).map((fault) => ({ phase, fault })),
)

/** Each phase in turn, and each with a fault of another kind, so that a short run has seen something of everything. */
const inTurn: readonly XenCell[] = xenPhases
  .flatMap((phase, turn) => {
    const own = cells.filter((cell) => cell.phase === phase)
    const first = Math.floor((own.length * turn) / xenPhases.length)
    const rotated = [...own.slice(first), ...own.slice(0, first)]
    return rotated.map((cell, rank) => ({ cell, rank }))
  })
  .sort((a, b) => a.rank - b.rank)
  .map(({ cell }) => cell)

interface Choice {
  /** Names of phases; none: all. */
  readonly phase: readonly string[]
  /** Parts of names of faults; none: all. */
  readonly fault: readonly string[]
}

interface Named {
  readonly name: string
}

export function isMeant(
  cell: { readonly phase: Named; readonly fault: Named },
  { phase, fault }: Choice,
): boolean {
  const isPhase = phase.length === 0 || phase.includes(cell.phase.name)
  return isPhase && (fault.length === 0 || fault.some((part) => cell.fault.name.includes(part)))
}

interface XenRun extends Choice {
  /** Passes over what has been tried and was as it must be. */
  readonly goesOn: boolean
  /** No cell is begun after so many. */
  readonly minutes: number
}

/** Each takes minutes under emulation, so the page is filled in over many runs: what is known stays until it is tried again. */
export async function runXenFaults({ goesOn, minutes, ...choice }: XenRun): Promise<boolean> {
  const endAtMs = performance.now() + minutes * 60_000
  const isHeld = (cell: XenCell, outcomes: readonly Outcome[]) =>
    outcomes.some((one) => isOf(one, cell) && one.problems.length === 0)
  const before = await readKnown()
  const chosen = inTurn
    .filter((cell) => isMeant(cell, choice))
    .filter((cell) => !goesOn || !isHeld(cell, before))
  await write(before)
  if (chosen.length === 0) return true
  return await runXenCells(chosen, endAtMs, async (outcome) => {
    console.log(JSON.stringify(outcome))
    const others = (await readKnown()).filter(
      (one) => one.phase !== outcome.phase || one.fault !== outcome.fault,
    )
    await write([...others, outcome])
  })
}

/** Of what can still happen; a fault may have been given up. */
async function write(outcomes: readonly Outcome[]): Promise<void> {
  const inOrder = cells.flatMap((cell) => outcomes.filter((one) => isOf(one, cell)))
  await writeFile(known, `${JSON.stringify(inOrder, null, 2)}\n`)
  await writeFile(page, xenFaultPage(inOrder))
}

function isOf({ phase, fault }: Outcome, cell: XenCell): boolean {
  return phase === cell.phase.name && fault === cell.fault.name
}

async function readKnown(): Promise<readonly Outcome[]> {
  return outcomesSchema.parse(JSON.parse(await readFile(known, 'utf8').catch(() => '[]')))
}

function xenFaultPage(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ problems }) => problems.length > 0)
  const moments = xenPhases.map((phase) => {
    const tried = outcomes.filter((outcome) => outcome.phase === phase.name)
    const all = cells.filter((cell) => cell.phase === phase)
    return `- **${phase.name}**: ${phase.explanation}; ${tried.length} of ${all.length} tried`
  })
  return `# Faults on Xen, each at a moment of a migration

Written by \`npm run faults -- --lab xen\`: real Xen, xl and DRBD on [the lab's](../../test/lab/README.md) emulated hosts.
A guest of plain \`xl create\` writes to an LV and moves; as soon as a step is seen something happens; nobody does anything
else, but where "the migration" says so. The source starts the guest by itself at each boot (\`xendomains\`).
Then both sides must have settled, with the VM in one place (in none only where its own host lost its power, or it ended by
itself), every acknowledged write on its disk, and nothing left behind. A guest that runs on at the source is used again.

A cell takes minutes under emulation, so the table is filled in over many runs. Of ${cells.length} cells ${outcomes.length} have been
tried, and ${failed.length} ended otherwise than they must.${outcomes.length < cells.length ? ' What is not in the table has not been run.' : ''}

The moments:

${moments.join('\n')}

_Seconds_ are those from the fault until both sides had settled, with the outage, and 20 to 50 times those of hardware.

${outcomeTable(outcomes)}`
}

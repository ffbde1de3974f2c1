import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { outcomeTable } from '../test/faults/fault-page.ts'
import { expectation } from '../test/faults/faults.ts'
import type { Outcome } from '../test/faults/outcome.ts'
import { runXenCells, type XenCell } from '../test/faults/xen/run-xen-cells.ts'
import { xenFaults, xenPhases } from '../test/faults/xen/xen-faults.ts'

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

export interface XenRun {
  readonly phase: string
  readonly fault: string
  /** Passes over what has been tried and was as it must be. */
  readonly goesOn: boolean
  /** No cell is begun after so many. */
  readonly minutes: number
}

/** Each takes minutes under emulation, so the page is filled in over many runs: what is known stays until it is tried again. */
export async function runXenFaults({ phase, fault, goesOn, minutes }: XenRun): Promise<boolean> {
  const endAtMs = performance.now() + minutes * 60_000
  const isHeld = (cell: XenCell, outcomes: readonly Outcome[]) =>
    outcomes.some((one) => isOf(one, cell) && one.problems.length === 0)
  const before = await readKnown()
  const chosen = cells
    .filter((cell) => phase === '' || cell.phase.name === phase)
    .filter((cell) => cell.fault.name.includes(fault))
    .filter((cell) => !goesOn || !isHeld(cell, before))
  return await runXenCells(chosen, endAtMs, async (outcome) => {
    console.log(JSON.stringify(outcome))
    const others = (await readKnown()).filter(
      (one) => one.phase !== outcome.phase || one.fault !== outcome.fault,
    )
    const outcomes = [...others, outcome]
    const inOrder = cells.flatMap((cell) => outcomes.filter((one) => isOf(one, cell)))
    await writeFile(known, `${JSON.stringify(inOrder, null, 2)}\n`)
    await writeFile(page, xenFaultPage(inOrder))
  })
}

function isOf({ phase, fault }: Outcome, cell: XenCell): boolean {
  return phase === cell.phase.name && fault === cell.fault.name
}

async function readKnown(): Promise<readonly Outcome[]> {
  return outcomesSchema.parse(JSON.parse(await readFile(known, 'utf8').catch(() => '[]')))
}

function xenFaultPage(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ problems }) => problems.length > 0)
  const moments = xenPhases.map(({ name, explanation }) => `- **${name}**: ${explanation}`)
  return `# Faults on Xen, each at a moment of a migration

Written by \`npm run faults -- --lab xen\`: real Xen, xl and DRBD on [the lab's](../../test/lab/README.md) emulated hosts.
A guest of plain \`xl create\` writes to an LV and moves; as soon as a step is seen something happens; nobody does anything
else, but where the last column but five says so. The source starts the guest by itself at each boot (\`xendomains\`).
Then both sides must have settled, with the VM in one place (in none only where its own host lost its power, or it ended by
itself), every acknowledged write on its disk, and nothing left behind once the guest has gone.

A cell takes minutes under emulation, so not all have been tried: of ${cells.length} cells ${outcomes.length} have, and
${failed.length} ended otherwise than they must. What is not in the table has not been run.

The moments:

${moments.join('\n')}

_Seconds_ are those from the fault until both sides had settled, with the outage, and 20 to 50 times those of hardware.

${outcomeTable(outcomes)}`
}

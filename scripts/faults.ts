/**
 * Lets each fault happen at each moment of a migration of a real VM, and writes down what came of it.
 * Exit code 0 only if every law held.
 *
 *   npm run faults
 *   npm run faults -- --phase memory --fault 'link cut'     those alone, of either one or more; the page is not written
 *   npm run faults -- --stages 1                             one migration at a time, for a slow machine
 *   npm run faults -- --lab xen --continue --minutes 60      on Xen hosts of the lab: what has not been tried yet
 */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { faultPage } from '../test/faults/fault-page.ts'
import { expectation, faults } from '../test/faults/faults.ts'
import type { Outcome } from '../test/faults/outcome.ts'
import { phases } from '../test/faults/phases.ts'
import { runCells } from '../test/faults/run-cells.ts'
import { isMeant, runXenFaults } from './faults-xen.ts'

const page = resolve(import.meta.dirname, '../docs/reference/fault-matrix.md')

const { values } = parseArgs({
  options: {
    phase: { type: 'string', multiple: true, default: [] },
    fault: { type: 'string', multiple: true, default: [] },
    lab: { type: 'string', default: 'qemu' },
    stages: { type: 'string', default: '2' },
    continue: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '600' },
  },
})

const cells = phases
  .flatMap((phase) => faults.map((fault) => ({ phase, fault })))
  .filter((cell) => isMeant(cell, values) && expectation(cell.phase, cell.fault))

if (values.lab === 'xen') {
  const { phase, fault, continue: goesOn, minutes } = values
  const hasHeld = await runXenFaults({ phase, fault, goesOn, minutes: Number(minutes) })
  process.exitCode = hasHeld ? 0 : 1
} else if (values.lab !== 'qemu' || cells.length === 0) {
  console.error(`Usage: npm run faults [-- --phase NAME] [--fault PART-OF-NAME] [--stages 2] [--lab xen [--continue] [--minutes N]]
phases: ${phases.map(({ name }) => name).join(', ')}
faults: ${faults.map(({ name }) => name).join(', ')}`)
  process.exitCode = 2
} else {
  process.exitCode = (await runAll()) ? 0 : 1
}

async function runAll(): Promise<boolean> {
  const outcomes = await runCells(cells, Math.min(Number(values.stages), cells.length), tell)
  const text = faultPage(outcomes, phases, faults)
  if (values.phase.length + values.fault.length === 0) await writeFile(page, text)
  console.log(`\n${text}`)
  return outcomes.every(({ problems }) => problems.length === 0)
}

function tell({ phase, fault, runsAt, ended, settledMs, problems }: Outcome): void {
  const seconds = (settledMs / 1000).toFixed(1)
  console.log(`${phase}, ${fault}: runs at ${runsAt}, ${ended}, ${seconds} s`)
  for (const problem of problems) console.log(`  PROBLEM: ${problem}`)
}

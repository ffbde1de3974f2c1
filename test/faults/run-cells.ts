import { FaultStage } from './fault-stage.ts'
import type { Fault } from './faults.ts'
import type { Outcome } from './outcome.ts'
import type { Phase } from './phases.ts'
import { runCell } from './run-cell.ts'

export interface CellRunner {
  open(): Promise<void>
  run(phase: Phase, fault: Fault): Promise<Outcome>
  close(): Promise<void>
}

/** One cell after the other on one stage. After one that went wrong the next gets a new stage, so that it says nothing of others. */
export function createCellRunner(number = 0): CellRunner {
  let stage: FaultStage | null = null

  async function close(): Promise<void> {
    await stage?.close()
    stage = null
  }

  async function open(): Promise<FaultStage> {
    stage ??= await FaultStage.open(number)
    return stage
  }

  return {
    close,
    open: async () => void (await open()),
    async run(phase, fault) {
      const here = await open()
      const outcome = await runCell(here, phase, fault).catch(failed(here, phase, fault))
      if (outcome.problems.length > 0) await close()
      return outcome
    },
  }
}

function failed({ playground }: FaultStage, phase: Phase, fault: Fault) {
  return async (error: unknown): Promise<Outcome> => {
    const logs = await Promise.all(playground.hosts.map((host) => host.log(20)))
    console.error(logs.join('\n'))
    return {
      ...{ phase: phase.name, fault: fault.name, runsAt: 'nowhere', ended: 'unknown' },
      ...{ writesLost: 0, ioErrors: 0, leftovers: [], settledMs: 0 },
      problems: [error instanceof Error ? error.message : String(error)],
    }
  }
}

export interface Cell {
  readonly phase: Phase
  readonly fault: Fault
}

/** All of these, on so many stages side by side. Answers what came of them in the same order. */
export async function runCells(
  cells: readonly Cell[],
  stages: number,
  tell: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  const outcomes = new Map<Cell, Outcome>()
  const waiting = [...cells]
  const work = async (runner: CellRunner) => {
    for (let cell = waiting.shift(); cell; cell = waiting.shift()) {
      const outcome = await runner.run(cell.phase, cell.fault)
      outcomes.set(cell, outcome)
      tell(outcome)
    }
  }
  const runners = Array.from({ length: stages }, (_, number) => createCellRunner(number))
  try {
    // Not at once: what the first one has to build the others find.
    for (const runner of runners) await runner.open()
    await Promise.all(runners.map(work))
  } finally {
    await Promise.all(runners.map((runner) => runner.close()))
  }
  return cells.flatMap((cell) => outcomes.get(cell) ?? [])
}

import type { Outcome } from '../outcome.ts'
import { runXenCell } from './run-xen-cell.ts'
import type { XenFault } from './xen-fault.ts'
import type { xenPhases } from './xen-phases.ts'
import { XenStage } from './xen-stage.ts'

export interface XenCell {
  readonly phase: (typeof xenPhases)[number]
  readonly fault: XenFault
}

/** One after the other, until one ends otherwise than it must: what it left says nothing of the next. */
export async function runXenCells(
  cells: readonly XenCell[],
  endAtMs: number,
  tell: (outcome: Outcome) => Promise<void>,
): Promise<boolean> {
  const stage = await XenStage.open()
  for (const { phase, fault } of cells) {
    if (performance.now() >= endAtMs) break
    const outcome = await runXenCell(stage, phase, fault).catch(failed({ phase, fault }))
    await tell(outcome)
    if (outcome.problems.length > 0) {
      for (const host of stage.hosts) console.error(await host.log().catch(String))
      return false
    }
  }
  await stage.close()
  return true
}

function failed({ phase, fault }: XenCell) {
  return (error: unknown): Outcome => {
    return {
      ...{ phase: phase.name, fault: fault.name, runsAt: 'nowhere', ended: 'unknown' },
      ...{ writesLost: 0, ioErrors: 0, leftovers: [], settledMs: 0 },
      problems: [error instanceof Error ? error.message : String(error)],
    }
  }
}

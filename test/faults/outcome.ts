import type { Place } from './faults.ts'

/** What came of one fault at one moment of a migration. */
export interface Outcome {
  readonly phase: string
  readonly fault: string
  readonly runsAt: Place
  /** How the migration ended. */
  readonly ended: string
  readonly writesLost: number
  readonly ioErrors: number
  readonly leftovers: readonly string[]
  /** From the fault until both sides had settled. */
  readonly settledMs: number
  /** Whatever was not as it must be; empty when all was well. */
  readonly problems: readonly string[]
}

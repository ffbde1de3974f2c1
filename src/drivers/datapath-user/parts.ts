import type { KeyedLock } from '../../lib/keyed-lock.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { Log } from '../../ports/log.ts'

/** What all parts of this datapath work with. */
export interface Parts {
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  readonly log: Log
  /**
   * Sockets and records of what runs. It must be emptied when the host starts, since what is
   * recorded there is only true while the processes live; so nothing in it is made to last
   * longer, which would cost time while a VM stands still. And its path must be short, since that of
   * a Unix socket may have no more than 107 characters.
   */
  readonly runtimeDirectory: string
  /** Where other hosts reach this one for replication. */
  readonly address: string
  readonly ports: { readonly from: number; readonly to: number }
  readonly timing: Timing
  /** One act at a time for each VDI. */
  readonly lock: KeyedLock
  /** Aborted when this program lets go of everything: what is still under way then changes nothing more. */
  readonly closing: AbortSignal
}

export interface Timing {
  /** How often the source makes sure of the target, and the longest that its answer may take. */
  readonly pulseMs: number
  /** After it a mirror is given up for now, and a guest that waits for it goes on. */
  readonly deadlineMs: number
  /** Between two attempts to begin a mirror again. */
  readonly retryMs: number
  /** How often the target looks for what the source has written to it, besides being told by the kernel; and whether that is silent. */
  readonly pollMs: number
}

export const usualTiming: Timing = {
  pulseMs: 1_000,
  deadlineMs: 10_000,
  retryMs: 1_000,
  pollMs: 200,
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

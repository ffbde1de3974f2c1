import { duration } from '../../lib/quantities.ts'
import type { KeptReplica } from '../../model/replication.ts'

/** Whether a mirror stays as a replica, how, and for how long still. */
export function keptText(
  kept: Pick<KeptReplica, 'mode' | 'untilMs'> | null,
  nowMs: number,
): string {
  if (!kept) return '–'
  const { mode, untilMs } = kept
  const still = untilMs === null ? 'until dropped' : duration(Math.max(0, untilMs - nowMs))
  return `${mode === 'every-write' ? 'with every write' : 'what differs is noted'}, ${still}`
}

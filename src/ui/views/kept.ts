import type { KeepMode, KeptReplica } from '../../model/replication.ts'
import { roughly } from './times.ts'

/** What a replica has of the VM's writes, in words. */
export const modeTexts: Readonly<Record<KeepMode, string>> = {
  'every-write': 'with every write',
  difference: 'what differs is noted',
}

/** Whether a mirror stays as a replica, how, and for how long still. */
export function keptText(
  kept: Pick<KeptReplica, 'mode' | 'untilMs'> | null,
  nowMs: number,
): string {
  if (!kept) return '–'
  return `${modeTexts[kept.mode]}, ${stillText(kept.untilMs, nowMs)}`
}

/** For how long still. */
export function stillText(untilMs: number | null, nowMs: number): string {
  return untilMs === null ? 'until dropped' : roughly(untilMs - nowMs)
}

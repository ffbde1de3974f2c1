import type { RefreshStatus } from '../../model/refresh.ts'
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

/** When it is brought up to date by itself, and what has kept it from that. */
export function refreshText(
  { everyMs, state, nextAtMs, failures, isOverdue, last }: RefreshStatus,
  nowMs: number,
): { readonly text: string; readonly problem: string | null } {
  const next = nextAtMs !== null && nextAtMs > nowMs ? `in ${roughly(nextAtMs - nowMs)}` : null
  const when = {
    waiting: next ? `next ${next}` : 'next when the VM is free',
    refreshing: 'under way',
    resting: 'when the VM runs there again',
    stopped: 'no more: it was dropped at its host',
  }
  const times = failures > 1 ? `${failures} times: ` : ''
  const failure = failures > 0 && last?.error ? `failed ${times}${last.error.message}` : null
  return {
    text: `every ${roughly(everyMs)}, ${when[state]}`,
    problem:
      [isOverdue ? 'overdue' : null, failure].filter((word) => word !== null).join(', ') || null,
  }
}

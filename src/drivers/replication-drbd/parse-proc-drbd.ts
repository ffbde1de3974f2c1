import { KiB } from '../../lib/units.ts'

export interface SyncCounters {
  readonly outOfSyncBytes: number
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** Reads /proc/drbd of 8.4, which tells how a sync gets on without a process being started. By minor. */
export function parseProcDrbd(text: string): ReadonlyMap<number, SyncCounters> {
  const counters = new Map<number, SyncCounters>()
  let minor: number | null = null
  for (const line of text.split('\n')) {
    const start = /^\s*(\d+): cs:/.exec(line)
    if (start) minor = Number(start[1])
    const sent = kibibytes(line, 'ns')
    const received = kibibytes(line, 'nr')
    const outOfSync = kibibytes(line, 'oos')
    if (minor !== null && sent !== null && received !== null && outOfSync !== null)
      counters.set(minor, {
        outOfSyncBytes: outOfSync,
        sentBytes: sent,
        receivedBytes: received,
      })
  }
  return counters
}

function kibibytes(line: string, key: string): number | null {
  const match = new RegExp(`\\b${key}:(\\d+)`).exec(line)
  return match ? Number(match[1]) * KiB : null
}

import { CrosspoolError } from '../../model/errors.ts'
import { migrationDetailsOf } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import type { Refresh, RefreshStatus } from '../../model/refresh.ts'
import type { ReplicaSchedule, ReplicaScheduleWish } from '../../model/replica-schedule.ts'

/** That the replicas of a VM are brought up to date, and how far that is. One for each VM. */
export interface ScheduleRecord {
  readonly vm: string
  readonly vmName: string
  /** Its destination is POOL/HOST: an address, and what lets us in there, is known by that name alone. */
  readonly wish: ReplicaScheduleWish
  readonly createdAtMs: number
  /** Null: it has been stopped. */
  readonly nextAtMs: number | null
  /** Written before the operation is begun. */
  readonly operation: string | null
  /** Its time has come while the VM did not run here. */
  readonly isResting: boolean
  readonly failures: number
  readonly succeededAtMs: number | null
  readonly last: Refresh | null
}

/** How many intervals a refresh that fails again and again waits at most. */
const intervalsMax = 4

/** Also what a clock that was wrong has put off for longer than anything is. */
export function isDue({ nextAtMs, operation, wish }: ScheduleRecord, nowMs: number): boolean {
  if (nextAtMs === null || operation !== null) return false
  return nextAtMs <= nowMs || nextAtMs > nowMs + intervalsMax * wish.everyMs
}

export function afterRefresh(record: ScheduleRecord, refresh: Refresh): ScheduleRecord {
  const { result, startedAtMs, endedAtMs } = refresh
  const failures =
    result === 'succeeded' ? 0 : result === 'failed' ? record.failures + 1 : record.failures
  // A first failure costs nothing; from the second in a row on it is tried less often.
  const intervals = Math.min(intervalsMax, 2 ** Math.max(0, failures - 1))
  const ended: ScheduleRecord = {
    ...{ ...record, operation: null, isResting: false, failures },
    succeededAtMs: result === 'succeeded' ? endedAtMs : record.succeededAtMs,
  }
  // One that has been stopped meanwhile stays so, and goes on to say why.
  if (record.nextAtMs === null) return ended
  return { ...ended, nextAtMs: startedAtMs + intervals * record.wish.everyMs, last: refresh }
}

export function refreshOf(operation: Operation, nowMs: number): Refresh {
  const { id, state, error, startedAtMs, endedAtMs } = operation
  return {
    ...{ operation: id, startedAtMs, endedAtMs: endedAtMs ?? nowMs, error },
    result: state === 'succeeded' || state === 'cancelled' ? state : 'failed',
    bytesReplicated: migrationDetailsOf(operation)?.figures.bytesReplicated ?? 0,
  }
}

/** One that was not begun. */
export function refusedRefresh(
  result: 'failed' | 'skipped',
  error: CrosspoolError,
  nowMs: number,
): Refresh {
  const never = { operation: null, startedAtMs: nowMs, endedAtMs: nowMs, bytesReplicated: 0 }
  return { ...never, result, error: error.toDocument() }
}

export function stoppedSchedule(record: ScheduleRecord, nowMs: number): ScheduleRecord {
  const { vmName, wish } = record
  const error = new CrosspoolError('REPLICA_DROPPED', { vm: vmName, host: wish.destination })
  const last = refusedRefresh('failed', error, nowMs)
  return { ...record, nextAtMs: null, isResting: false, last }
}

export function statusOf(record: ScheduleRecord, nowMs: number): RefreshStatus {
  const { wish, nextAtMs, operation, failures, succeededAtMs, last } = record
  const state =
    operation !== null
      ? 'refreshing'
      : nextAtMs === null
        ? 'stopped'
        : record.isResting
          ? 'resting'
          : 'waiting'
  const ageMs = nowMs - (succeededAtMs ?? record.createdAtMs)
  return {
    ...{ everyMs: wish.everyMs, state, operation, failures, succeededAtMs, last },
    nextAtMs: operation === null && !record.isResting ? nextAtMs : null,
    isOverdue: state !== 'resting' && ageMs > 2 * wish.everyMs,
  }
}

export function scheduleOf(record: ScheduleRecord, nowMs: number): ReplicaSchedule {
  const { vm, vmName, wish, createdAtMs } = record
  return { vm, vmName, ...wish, createdAtMs, ...statusOf(record, nowMs) }
}

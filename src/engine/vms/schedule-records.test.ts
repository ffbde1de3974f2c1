import { describe, expect, it } from 'vitest'
import { sample } from '../../../test/support/sample-documents.ts'
import { CrosspoolError } from '../../model/errors.ts'
import {
  afterRefresh,
  isDue,
  refreshOf,
  refusedRefresh,
  type ScheduleRecord,
  scheduleOf,
  statusOf,
  stoppedSchedule,
} from './schedule-records.ts'

const hourMs = 3_600_000
const startMs = 1_700_000_000_000
const record: ScheduleRecord = {
  ...{
    vm: 'vm',
    vmName: 'database',
    createdAtMs: startMs,
    nextAtMs: startMs,
    startedAtMs: startMs,
  },
  ...{ operation: null, isResting: false, failures: 0, succeededAtMs: null, last: null },
  wish: {
    ...{ destination: 'beta/beta1', srMap: {}, networkMap: {}, everyMs: hourMs },
    keepReplica: { forMs: null, mode: 'difference' },
  },
}
const unreachable = new CrosspoolError('PEER_UNREACHABLE', { url: 'u', reason: 'r' })
const failedAt = (atMs: number) => refusedRefresh('failed', unreachable, atMs)
const succeededAt = (atMs: number) =>
  refreshOf({ ...sample.operation, state: 'succeeded', startedAtMs: atMs, endedAtMs: atMs + 5 }, 0)

describe('a schedule', () => {
  it('is due at its time, not before, and not while it is refreshed or stopped', () => {
    expect([startMs - 1, startMs, startMs + 1].map((at) => isDue(record, at))).toEqual([
      ...[false, true, true],
    ])
    expect(isDue({ ...record, operation: 'o' }, startMs)).toBe(false)
    expect(isDue({ ...record, nextAtMs: null }, startMs)).toBe(false)
  })

  it('is due when a clock that went wrong has put it off for longer than anything is', () => {
    const nextAtMs = startMs + 4 * hourMs
    expect(isDue({ ...record, nextAtMs }, startMs)).toBe(false)
    expect(isDue({ ...record, nextAtMs: nextAtMs + 1 }, startMs)).toBe(true)
  })

  it('is tried again at the next time, less often from the second failure on, and never faster', () => {
    let tried = record
    const waitsMs = Array.from({ length: 5 }, () => {
      const atMs = tried.nextAtMs ?? 0
      tried = afterRefresh(tried, failedAt(atMs))
      return (tried.nextAtMs ?? 0) - atMs
    })
    expect(waitsMs.map((waitMs) => waitMs / hourMs)).toEqual([1, 2, 4, 4, 4])
    expect(statusOf(tried, startMs)).toMatchObject({ failures: 5, state: 'waiting' })
    const atMs = tried.nextAtMs ?? 0
    const better = afterRefresh(tried, succeededAt(atMs))
    expect(better).toMatchObject({ failures: 0, nextAtMs: atMs + hourMs, succeededAtMs: atMs + 5 })
  })

  it('takes neither a cancelled refresh nor a skipped one for a failure', () => {
    const cancelled = refreshOf({ ...sample.operation, state: 'cancelled' }, startMs)
    expect(afterRefresh({ ...record, failures: 1 }, cancelled).failures).toBe(1)
    const skipped = afterRefresh(record, refusedRefresh('skipped', unreachable, startMs))
    expect(skipped).toMatchObject({ failures: 0, nextAtMs: startMs + hourMs })
  })

  it('is overdue when two intervals have passed without a success, unless the VM is not here', () => {
    const lateMs = startMs + 2 * hourMs + 1
    expect(statusOf(record, lateMs - 1).isOverdue).toBe(false)
    expect(statusOf(record, lateMs).isOverdue).toBe(true)
    expect(statusOf({ ...record, isResting: true }, lateMs)).toMatchObject({
      ...{ isOverdue: false, state: 'resting', nextAtMs: null },
    })
    const succeeded = afterRefresh(record, succeededAt(startMs + hourMs))
    expect(statusOf(succeeded, lateMs).isOverdue).toBe(false)
  })

  it('stays stopped, and says why, whatever comes of the refresh that was under way', () => {
    const stopped = stoppedSchedule({ ...record, operation: 'o' }, startMs)
    expect(statusOf(stopped, startMs).state).toBe('refreshing')
    const ended = afterRefresh(stopped, succeededAt(startMs))
    expect(scheduleOf(ended, startMs)).toMatchObject({
      ...{ state: 'stopped', nextAtMs: null, vmName: 'database', destination: 'beta/beta1' },
      last: { result: 'failed', error: { code: 'REPLICA_DROPPED' } },
    })
  })
})

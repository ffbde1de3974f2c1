import type { Operation } from '../model/operation.ts'
import type { Ownership } from '../model/ownership.ts'
import type { Receiver } from '../model/receiver.ts'
import type { ReplicaSchedule } from '../model/replica-schedule.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { createMetrics, type Measured } from './create-metrics.ts'
import { toolstackMetrics } from './metric-table.ts'
import { createSlowValue } from './slow-value.ts'
import { watchOperations } from './watch-operations.ts'

/** As much of the toolstack as is measured. */
export interface MeasuredToolstack {
  readonly operations: {
    stepsOf(kind: string): readonly string[]
    observe(listener: (operation: Operation) => void): void
  }
  readonly receivers: { list(): Promise<readonly Receiver[]> }
  readonly schedules: { list(): Promise<readonly ReplicaSchedule[]> }
  readonly ownerships: { list(): Promise<readonly Ownership[]> }
}

/** What xapi tells. Must be made before operations are recovered, so that none is missed. */
export function measureToolstack(
  toolstack: MeasuredToolstack,
  { apiVersion, clock, log }: { apiVersion: string; clock: Clock; log: Log },
): Measured<typeof toolstackMetrics> {
  const metrics = createMetrics({ name: 'xapi', apiVersion }, toolstackMetrics)
  const { own } = metrics
  // Not known yet is not none.
  own.unsettled.remove()
  const operations = watchOperations(own, clock)
  // A rate sees no increase in a series that has only just begun.
  for (const phase of toolstack.operations.stepsOf('migrate'))
    for (const result of ['failed', 'cancelled']) own.ended.inc({ result, phase }, 0)
  toolstack.operations.observe((operation) => operations.note(operation))
  const lookAtOwnerships = createSlowValue(
    { clock, log, what: 'ownerships' },
    () => toolstack.ownerships.list(),
    (all) => own.unsettled.set(all.filter(isOpen).length),
  )
  return {
    metrics,
    async refresh() {
      operations.refresh()
      lookAtOwnerships()
      const schedules = await toolstack.schedules.list()
      own.schedules.reset()
      for (const { state, last } of schedules)
        own.schedules.inc({ state, result: last?.result ?? 'none' })
      own.schedulesOverdue.set(schedules.filter(({ isOverdue }) => isOverdue).length)
      const receivers = await toolstack.receivers.list()
      own.arriving.reset()
      for (const { state } of receivers)
        if (state !== 'closed' && state !== 'aborted') own.arriving.inc({ state })
    },
  }
}

/** One that arrives is the source's as long as it copies, which may take hours. */
function isOpen({ settled, state }: Ownership): boolean {
  return !settled && state !== 'arriving'
}

import { migrationDetailsOf, migrationDetailsSchema } from '../model/migration.ts'
import { isEnded, type Operation } from '../model/operation.ts'
import type { Clock } from '../ports/clock.ts'
import type { Metrics } from './create-metrics.ts'
import type { toolstackMetrics } from './metric-table.ts'

type ToolstackMetrics = Metrics<typeof toolstackMetrics>

export interface OperationWatch {
  /** Takes an operation as it is after each change. */
  note(operation: Operation): void
  /** Brings the gauges up to now. */
  refresh(): void
}

/** Counts what the documents of operations tell, each compared with the one before. */
export function watchOperations(metrics: ToolstackMetrics, clock: Clock): OperationWatch {
  const running = new Map<string, Operation>()
  return {
    note(operation) {
      if (operation.kind !== 'migrate') return
      const previous = running.get(operation.id) ?? null
      countPhases(metrics, previous, operation)
      countHeartbeats(metrics, previous, operation)
      if (!isEnded(operation)) return void running.set(operation.id, operation)
      running.delete(operation.id)
      countEnd(metrics, operation)
    },
    refresh() {
      metrics.running.reset()
      const phases = [...running.values()].map((operation) => ({
        ...{ operation, phase: lastPhase(operation) },
      }))
      for (const { phase } of phases) metrics.running.inc({ phase })
      const waiting = phases.filter(({ phase }) => phase === 'queue')
      showWriteLatencies(metrics, [...running.values()])
      metrics.waiting.set(waiting.length)
      const oldestMs = Math.min(
        clock.now(),
        ...waiting.map(({ operation }) => operation.startedAtMs),
      )
      metrics.waitingSeconds.set((clock.now() - oldestMs) / 1000)
    },
  }
}

function showWriteLatencies(metrics: ToolstackMetrics, running: readonly Operation[]): void {
  metrics.writeLatency.reset()
  for (const details of running.map(migrationDetailsOf)) {
    for (const { slot, writeLatency } of details?.disks ?? []) {
      if (details === null || writeLatency.nowUs === null) continue
      metrics.writeLatency.set({ vm: details.vm, slot }, writeLatency.nowUs / 1e6)
    }
  }
}

function countPhases(metrics: ToolstackMetrics, previous: Operation | null, now: Operation): void {
  now.steps.forEach(({ name, state, startedAtMs, endedAtMs }, index) => {
    const isNew = state === 'done' && previous !== null && previous.steps[index]?.state !== 'done'
    if (!isNew || startedAtMs === null || endedAtMs === null) return
    metrics.phaseSeconds.observe({ phase: name }, (endedAtMs - startedAtMs) / 1000)
  })
}

function countHeartbeats(
  metrics: ToolstackMetrics,
  previous: Operation | null,
  now: Operation,
): void {
  const missed = missedIn(now) - (previous === null ? 0 : missedIn(previous))
  if (missed > 0) metrics.heartbeatsMissed.inc(missed)
}

function countEnd(metrics: ToolstackMetrics, operation: Operation): void {
  metrics.ended.inc({ result: operation.state, phase: lastPhase(operation) })
  const parsed = migrationDetailsSchema.safeParse(operation.details)
  if (!parsed.success) return
  const { pausedMs, handoverMs, bytesReplicated } = parsed.data.figures
  metrics.replicatedBytes.inc(bytesReplicated)
  if (operation.state !== 'succeeded') return
  if (pausedMs !== null) metrics.blackoutSeconds.observe(pausedMs / 1000)
  if (handoverMs !== null) metrics.handoverSeconds.observe(handoverMs / 1000)
}

/** The one that is under way, or with which it ended. */
function lastPhase({ steps }: Operation): string {
  return steps.findLast(({ state }) => state !== 'waiting')?.name ?? ''
}

function missedIn({ details }: Operation): number {
  const parsed = migrationDetailsSchema.shape.heartbeat.safeParse(details.heartbeat)
  return parsed.success ? parsed.data.missed : 0
}

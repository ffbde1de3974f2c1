import { expect, test } from 'vitest'
import { sample, sampleSchedule } from '../../test/support/sample-documents.ts'
import { createSimulatedClock } from '../drivers/simulated/clock.ts'
import type { Operation } from '../model/operation.ts'
import type { Replication } from '../model/replication.ts'
import { silentLog } from '../ports/log.ts'
import { measureStorage } from './storage-metrics.ts'
import { measureToolstack } from './toolstack-metrics.ts'

const phases = ['queue', 'synchronise', 'memory']

function measuredToolstack() {
  const clock = createSimulatedClock()
  let note: (operation: Operation) => void = () => {}
  const measured = measureToolstack(
    {
      operations: {
        stepsOf: () => phases,
        observe: (listener) => {
          note = listener
        },
      },
      schedules: {
        list: async () => [
          sampleSchedule,
          { ...sampleSchedule, isOverdue: true, last: null },
          { ...sampleSchedule, state: 'stopped', isOverdue: true },
        ],
      },
      receivers: { list: async () => [sample.receiver, { ...sample.receiver, state: 'closed' }] },
      ownerships: { list: async () => [sample.ownership, { ...sample.ownership, settled: true }] },
    },
    { apiVersion: '1.0', clock, log: silentLog },
  )
  const text = async () => {
    await measured.refresh()
    return measured.metrics.registry.metrics()
  }
  return { clock, note: (operation: Operation) => note(operation), text }
}

/** A migration that is in the step of this name, for so long. */
function migrationIn(phase: string, startedAtMs: number, missed = 0): Operation {
  const at = phases.indexOf(phase)
  const heartbeat = { ...sample.migrationDetails.heartbeat, missed }
  return {
    ...{ ...sample.operation, startedAtMs, details: { ...sample.migrationDetails, heartbeat } },
    steps: phases.map((name, index) => ({
      name,
      state: index < at ? 'done' : index === at ? 'running' : 'waiting',
      startedAtMs: index <= at ? startedAtMs + index * 4_000 : null,
      endedAtMs: index < at ? startedAtMs + (index + 1) * 4_000 : null,
    })),
  }
}

test('nothing wakes the process only to be measured', async () => {
  const told = await measuredToolstack().text()
  expect(told).toContain('nodejs_eventloop_lag_seconds')
  expect(told).not.toMatch(/nodejs_eventloop_lag_(?!seconds)/)
})

test('a migration is counted where it is, and once when it has ended', async () => {
  const { clock, note, text } = measuredToolstack()
  const startedAtMs = clock.now() - 30_000
  note(migrationIn('queue', startedAtMs))
  expect(await text()).toContain('crosspool_migrations_waiting 1')
  expect(await text()).toContain('crosspool_migration_wait_seconds_max 30')
  expect(await text()).toContain('crosspool_migrations_running{phase="queue"} 1')

  note(migrationIn('memory', startedAtMs, 2))
  note(migrationIn('memory', startedAtMs, 3))
  const underway = await text()
  expect(underway).toContain('crosspool_migrations_waiting 0')
  expect(underway).toContain('crosspool_migration_wait_seconds_max 0')
  expect(underway).not.toContain('phase="queue"} 1\ncrosspool_migrations_running')
  expect(underway).toContain('crosspool_heartbeats_missed_total 3')
  const latency = `crosspool_migration_write_latency_seconds{vm="${sample.vm.id}",slot="xvda"}`
  expect(underway).toContain(`${latency} 0.00124`)
  expect(underway).toContain('crosspool_migration_phase_seconds_sum{phase="queue"} 4')

  const { figures } = sample.migrationDetails
  const measured = { ...figures, pausedMs: 140, handoverMs: 45, bytesReplicated: 4096 }
  const before = migrationIn('memory', startedAtMs, 3)
  note({
    ...{ ...before, state: 'succeeded', endedAtMs: clock.now() },
    details: { ...before.details, figures: measured },
  })
  const ended = await text()
  expect(ended).toContain('crosspool_migrations_total{result="succeeded",phase="memory"} 1')
  expect(ended).toContain('crosspool_migration_blackout_seconds_bucket{le="0.2"} 1')
  expect(ended).toContain('crosspool_migration_handover_seconds_sum 0.045')
  expect(ended).toContain('crosspool_migration_replicated_bytes_total 4096')
  expect(ended).not.toContain('crosspool_migrations_running{')
  expect(ended).not.toContain(latency)
})

test('a failure is counted under the phase that failed, which was there with 0 before', async () => {
  const { clock, note, text } = measuredToolstack()
  const series = 'crosspool_migrations_total{result="failed",phase="synchronise"}'
  expect(await text()).toContain(`${series} 0`)
  const failing = migrationIn('synchronise', clock.now())
  note(failing)
  const steps = failing.steps.map((step) =>
    step.state === 'waiting' ? step : { ...step, state: 'undone' as const },
  )
  note({ ...failing, steps, state: 'failed', endedAtMs: clock.now() })
  expect(await text()).toContain(`${series} 1`)
  expect(await text()).toContain('crosspool_migration_blackout_seconds_count 0')
})

test('what takes commands to find out is fetched once a minute, and is not there until it is known', async () => {
  const { clock, text } = measuredToolstack()
  expect(await text()).not.toContain('crosspool_ownerships_unsettled 0')
  expect(await text()).toContain('crosspool_ownerships_unsettled 1')
  expect(await text()).toContain('crosspool_receivers{state="reserved"} 1')
  let asked = 0
  const leftovers = async () => {
    asked += 1
    return [{ kind: 'volume', name: 'v', owner: 'v', reason: null }]
  }
  const listReplications = async () => []
  const storage = { leftovers, listReplications, listSrs: async () => [sample.sr] }
  const { refresh } = measureStorage(storage, { apiVersion: '1.0', clock, log: silentLog })
  await refresh()
  await refresh()
  expect(asked).toBe(1)
  await clock.advance(60_000)
  await refresh()
  expect(asked).toBe(2)
})

test('schedules are counted by what came of the last time, and those that are overdue', async () => {
  const { text } = measuredToolstack()
  const told = await text()
  const series = 'crosspool_replica_schedules'
  expect(told).toContain(`${series}{state="waiting",result="succeeded"} 1`)
  expect(told).toContain(`${series}{state="waiting",result="none"} 1`)
  expect(told).toContain(`${series}{state="stopped",result="succeeded"} 1`)
  expect(told).toContain(`${series}_overdue 2`)
})

test('a replication has its series as long as it is there', async () => {
  let replications: Replication[] = [sample.replication]
  const storage = {
    listReplications: async () => replications,
    leftovers: async () => [],
    listSrs: async () => [],
  }
  const options = { apiVersion: '1.0', clock: createSimulatedClock(), log: silentLog }
  const { metrics, refresh } = measureStorage(storage, options)
  await refresh()
  const labels = '{replication="r-1",vdi="vg0/database-disk",side="source"}'
  const text = await metrics.registry.metrics()
  expect(text).toContain(`crosspool_replication_out_of_sync_bytes${labels} ${2 * 1024 ** 3}`)
  expect(text).toContain('crosspool_replications{side="source",state="syncing"} 1')
  replications = []
  await refresh()
  expect(await metrics.registry.metrics()).not.toContain('r-1')
})

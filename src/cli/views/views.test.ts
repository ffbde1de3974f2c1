import { describe, expect, test } from 'vitest'
import { sample, sampleReplica, sampleSchedule } from '../../../test/support/sample-documents.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { MigrationDetails, Preflight } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import { errorView } from './error-view.ts'
import {
  hostsView,
  leftoversView,
  networksView,
  poolsView,
  srsView,
  vdisView,
  vdiView,
  vmsView,
  vmView,
} from './inventory-views.ts'
import { liveView, outcomeView } from './migration-view.ts'
import { operationsView } from './operation-views.ts'
import { preflightView } from './preflight-view.ts'
import { progressLines } from './progress-lines.ts'
import { bytes, duration, percent } from './quantities.ts'
import { droppedReplicasView, replicasView, schedulesView } from './replica-views.ts'
import { replicationLine, replicationsView, replicationView } from './replication-views.ts'
import { createStyle, plainStyle } from './style.ts'
import { table } from './table.ts'

const details: MigrationDetails = sample.migrationDetails
const migrating: Operation = { ...sample.operation, details }

const preflight: Preflight = {
  possible: false,
  checks: [
    { name: 'cpu', subject: 'beta1', result: 'passed', reason: 'has all features', code: null },
    { name: 'clock', subject: 'beta1', result: 'warning', reason: '3 s apart', code: null },
    { name: 'space', subject: 'xvda', result: 'failed', reason: 'fast has 1 GiB', code: 'SR_FULL' },
  ],
  disks: details.disks,
  interfaces: [{ slot: '0', mac: '00:16:3e:00:00:01', network: 'lan' }],
}

test('lists', () => {
  const silent = { ...sample.host, name: 'beta1', pool: 'beta', reachable: false }
  const views = [
    hostsView([sample.host, silent], plainStyle),
    poolsView([{ name: 'alpha', hosts: ['alpha1', 'alpha2'] }], plainStyle),
    networksView(sample.host.networks, plainStyle),
    vmsView(
      [sample.vm, { ...sample.vm, name: 'a', state: 'paused', operation: 'o-1' }],
      plainStyle,
    ),
    srsView([sample.sr], plainStyle),
    vdisView([sample.vdi], plainStyle),
    replicationsView([sample.replication], plainStyle),
    operationsView(
      [migrating, { ...sample.operation, state: 'failed', endedAtMs: 63_000 }],
      plainStyle,
    ),
    leftoversView(
      [
        { kind: 'minor', name: '100', owner: 'r-1', reason: 'replication r-1 is syncing' },
        { kind: 'volume', name: 'v', owner: 'v-1', reason: null },
      ],
      plainStyle,
    ),
  ]
  expect(views.join('\n\n')).toMatchSnapshot()
})

test('empty lists say so', () => {
  const views = [hostsView, poolsView, networksView, vmsView, srsView, vdisView]
  const texts = views.map((view) => view([], plainStyle))
  expect(texts.every((text) => text.endsWith('.') || text.includes('`'))).toBe(true)
  expect(new Set(texts).size).toBe(views.length)
})

test('single things', () => {
  const views = [
    vmView({ ...sample.vm, obstacles: ['a PCI device is passed through'] }, plainStyle),
    vdiView({ ...sample.vdi, managed: false, replication: null }, plainStyle),
    replicationView(
      { ...sample.replication, state: 'interrupted', reason: 'link down' },
      plainStyle,
    ),
    replicationLine(sample.replication, plainStyle),
    errorView({ code: 'BUSY', message: 'It is busy', advice: 'Wait.' }, plainStyle),
  ]
  expect(views.join('\n\n')).toMatchSnapshot()
})

test('a preflight', () => {
  const possible = { ...preflight, possible: true, checks: preflight.checks.slice(0, 2) }
  const shared = details.disks.map((disk) => ({ ...disk, replicated: false }))
  const views = [preflight, possible, { ...possible, checks: [], disks: shared }].map((document) =>
    preflightView(document, plainStyle),
  )
  expect(views.join('\n\n')).toMatchSnapshot()
})

describe('a migration', () => {
  test('while it runs', () => {
    const memory = {
      ...{ sentBytes: 700 * 1024 ** 2, totalBytes: 1024 ** 3, bytesPerSecond: 5e7 },
      etaMs: 6_795,
    }
    const later: Operation = {
      ...migrating,
      progress: 0.8,
      details: { ...details, memory, heartbeat: { ...details.heartbeat, missed: 2 } },
    }
    const compressed: Operation = {
      ...migrating,
      details: { ...details, memory: { ...memory, crossedBytes: 100 * 1024 ** 2 } },
    }
    const undoing: Operation = { ...sample.operation, kind: 'receive', state: 'undoing' }
    const views = [migrating, later, compressed, undoing].map((operation) =>
      liveView(operation, 13_400, plainStyle),
    )
    expect(views.join('\n\n')).toMatchSnapshot()
  })

  test('when it has ended', () => {
    const figures = {
      ...{ totalMs: 60_000, syncMs: 40_000, memoryMs: 15_000, pausedMs: 850, handoverMs: 120 },
      ...{ releaseMs: 70, takeMs: 50, bytesReplicated: 3 * 1024 ** 3, memoryBytesCrossed: null },
    }
    const ended = (state: Operation['state'], change: Partial<MigrationDetails> = {}) =>
      outcomeView(
        { ...migrating, state, endedAtMs: 61_000, details: { ...details, ...change } },
        plainStyle,
      )
    const views = [
      ended('succeeded', { figures, keptDisks: ['v-1'] }),
      ended('succeeded', {
        figures: { ...figures, memoryBytesCrossed: 100 * 1024 ** 2 },
        memory: { ...details.memory, sentBytes: 700 * 1024 ** 2 },
      }),
      ended('failed'),
      ended('failed', { released: true }),
      ended('cancelled'),
      outcomeView({ ...sample.operation, state: 'succeeded', endedAtMs: 2_000 }, plainStyle),
    ]
    expect(views.join('\n\n')).toMatchSnapshot()
  })

  test('as lines: one per change that matters', () => {
    const [disk] = details.disks
    if (!disk) throw new Error('the sample has a disk')
    const synced = { ...disk, outOfSyncBytes: 0, state: 'synced', etaMs: null, bytesPerSecond: 0 }
    const [check, replicate, memory] = sample.operation.steps
    if (!check || !replicate || !memory) throw new Error('the sample has three steps')
    const documents: Operation[] = [
      { ...sample.operation, state: 'queued', steps: [], progress: 0 },
      migrating,
      {
        ...migrating,
        details: { ...details, disks: [{ ...disk, outOfSyncBytes: disk.outOfSyncBytes - 1 }] },
      },
      {
        ...migrating,
        details: { ...details, disks: [synced] },
        steps: [
          check,
          { ...replicate, state: 'done', endedAtMs: 21_800 },
          { ...memory, state: 'running', startedAtMs: 21_800 },
        ],
      },
    ]
    const lines = documents.map((document, index) =>
      progressLines(documents[index - 1] ?? null, document),
    )
    expect(lines).toMatchSnapshot()
    expect(lines[2]).toEqual([])
  })
})

test('colours change nothing but the colour', () => {
  const style = createStyle(true)
  const documents = [hostsView([sample.host], style), preflightView(preflight, style)]
  const plain = [hostsView([sample.host], plainStyle), preflightView(preflight, plainStyle)]
  const mark = String.fromCharCode(27)
  expect(documents.join()).toContain(`${mark}[`)
  expect(documents.join().replaceAll(new RegExp(`${mark}\\[\\d+m`, 'g'), '')).toBe(plain.join())
})

test('columns stand in line whatever is in them', () => {
  const lines = table(
    [
      { a: 'ä→✓', n: 1 },
      { a: 'longer', n: 12_345 },
    ],
    [
      { title: 'A', cell: ({ a }) => a },
      { title: 'N', align: 'right', cell: ({ n }) => String(n) },
    ],
    '',
    plainStyle,
  ).split('\n')
  expect(new Set(lines.map((line) => [...line].length)).size).toBe(1)
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [150 * 1024 ** 2, '150 MiB'],
  [3 * 1024 ** 4, '3.0 TiB'],
])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text))

test.each([
  [0, '0 ms'],
  [850.4, '850 ms'],
  [9_500, '9.5 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min 00 s'],
  [65_000, '1 min 05 s'],
  [7_380_000, '2 h 03 min'],
])('%d ms are %s', (ms, text) => expect(duration(ms)).toBe(text))

test('100 % means all of it', () => {
  expect([percent(0.999), percent(1), percent(-1), percent(2)]).toEqual([
    '99 %',
    '100 %',
    '0 %',
    '100 %',
  ])
})

test('replicas: what they lack, and for how long they are kept', () => {
  const nowMs = sampleReplica.sinceMs + 90_000
  const kept = { ...sampleReplica, vmName: null, here: 'disk', lackingSinceMs: null } as const
  const lines = replicasView(
    [sampleReplica, { ...kept, untilMs: nowMs + 3_600_000 }],
    nowMs,
    plainStyle,
  )
  const [title, replica, disk] = lines.split('\n')
  expect(title).toMatch(/^VM .*LACKS .*KEPT FOR .*REPLICA$/)
  expect(replica).toContain('since 1 min 30 s')
  expect(replica).toContain('ever')
  expect(disk).toContain('nothing')
  expect(disk).toContain('1 h 00 min')
  const dropped = { id: 'r-2', other: 'beta/beta1', isToldThere: false }
  expect(droppedReplicasView([dropped])).toContain('beta/beta1 does not answer')
  expect(droppedReplicasView([{ ...dropped, isToldThere: true }])).toContain('here and at beta')
})

test('schedules: how old the replica is, when it is refreshed next, and what came of the last time', () => {
  const nowMs = (sampleSchedule.succeededAtMs ?? 0) + 600_000
  const error = new CrosspoolError('PEER_UNREACHABLE', { url: 'u', reason: 'r' }).toDocument()
  const last = { ...refreshed(), bytesReplicated: 0, result: 'failed', error } as const
  const lines = schedulesView(
    [
      sampleSchedule,
      { ...sampleSchedule, failures: 3, isOverdue: true, last },
      { ...sampleSchedule, state: 'refreshing', nextAtMs: null, succeededAtMs: null, last: null },
      { ...sampleSchedule, state: 'resting', nextAtMs: null },
      { ...sampleSchedule, state: 'stopped', nextAtMs: null },
      { ...sampleSchedule, nextAtMs: nowMs - 1 },
    ],
    nowMs,
    plainStyle,
  )
  const [title, well, failing, first, resting, stopped, held] = lines.split('\n')
  expect(title).toMatch(/^VM .*REFRESHED AT .*EVERY .*AGE .*NEXT .*LAST .*SENT .*RESULT$/)
  expect(well).toMatch(/10 min 00 s +in 49 min 00 s +10 min 00 s ago +64.0 MiB +succeeded$/)
  expect(failing).toContain('10 min 00 s, overdue')
  expect(failing).toContain('failed, 3 times: u does not answer: r [PEER_UNREACHABLE]')
  expect(first).toMatch(/none yet +under way +- +- +-$/)
  expect(resting).toContain('when the VM runs here')
  expect(stopped).toMatch(/ never /)
  expect(held).toContain('when the VM is free')
  expect(schedulesView([], nowMs, plainStyle)).toContain('No replica')
})

function refreshed() {
  if (!sampleSchedule.last) throw new Error('the sample has been refreshed')
  return sampleSchedule.last
}

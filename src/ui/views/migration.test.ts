import { describe, expect, it } from 'vitest'
import { sample } from '../../../test/support/sample-documents.ts'
import type { MigrationDetails } from '../../model/migration.ts'
import type { Operation, StepRecord } from '../../model/operation.ts'
import { cancelOf, logOf, outOfSyncOf, sentenceOf, verifiedOf } from './migration.ts'
import { addSample, latencyLines, type Sample } from './samples.ts'
import { blackoutOf, timelineOf } from './timeline.ts'

const details: MigrationDetails = { ...sample.migrationDetails }

/** A migration that has come to the end of the last of these steps, each of which took a second. */
function operationAt(names: readonly string[], last: StepRecord['state'] = 'running'): Operation {
  const steps = names.map((name, index): StepRecord => {
    const isLast = index === names.length - 1
    const startedAtMs = 1_000 + index * 1_000
    const isOver = !isLast || last === 'done'
    return {
      ...{ name, startedAtMs },
      state: isLast ? last : 'done',
      endedAtMs: isOver ? startedAtMs + 1_000 : null,
    }
  })
  return { ...sample.operation, state: 'running', startedAtMs: 1_000, endedAtMs: null, steps }
}

describe('the timeline', () => {
  it('shows each step where it lies in time; what runs grows', () => {
    const operation = operationAt(['check', 'synchronise'])
    const [check, synchronise] = timelineOf(operation, 5_000)
    expect(check).toMatchObject({ tookMs: 1_000, bar: { from: 0, width: 0.25 } })
    expect(synchronise).toMatchObject({ tookMs: 3_000, bar: { from: 0.25, width: 0.75 } })
  })

  it('keeps within its track when the clocks disagree', () => {
    for (const nowMs of [0, 1_500, 90_000]) {
      for (const { bar } of timelineOf(operationAt(['check', 'memory']), nowMs)) {
        expect(bar?.from).toBeGreaterThanOrEqual(0)
        expect((bar?.from ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(1.000_001)
      }
    }
  })

  it('knows in which steps the VM stands still', () => {
    const rows = timelineOf(operationAt(['memory', 'release', 'take', 'start', 'unmirror']), 9_000)
    expect(rows.filter((row) => row.isBlackout).map(({ name }) => name)).toEqual([
      'release',
      'take',
      'start',
    ])
  })
})

describe('the blackout', () => {
  it('has not begun while memory is sent', () => {
    expect(blackoutOf(operationAt(['memory']), null, 5_000)).toBeNull()
  })

  it('grows once the memory is across, until its length is known', () => {
    const operation = operationAt(['memory', 'release'])
    expect(blackoutOf(operation, null, 2_300)).toEqual({ ms: 300, isOver: false })
    expect(blackoutOf(operation, 450, 9_000)).toEqual({ ms: 450, isOver: true })
  })

  it('does not go on growing in a migration that is taken back', () => {
    const operation: Operation = { ...operationAt(['memory', 'release']), state: 'failed' }
    expect(blackoutOf(operation, null, 9_000)).toBeNull()
  })
})

describe('a cancel', () => {
  it('leaves the VM where it is, before the release', () => {
    const view = cancelOf(operationAt(['check', 'synchronise']), details)
    expect(view?.isPossible).toBe(true)
    expect(view?.consequences.join(' ')).toContain('database runs on at alpha/alpha1')
    expect(view?.consequences.join(' ')).toContain('copied to beta/beta1 is removed')
  })

  it('is too late from the release on', () => {
    for (const step of ['release', 'take', 'put-away'])
      expect(cancelOf(operationAt(['memory', step]), details)?.isPossible).toBe(false)
    const released = { ...details, released: true }
    expect(cancelOf(operationAt(['memory']), released)?.isPossible).toBe(false)
  })

  it('is not offered for what has ended', () => {
    expect(cancelOf({ ...operationAt(['memory']), state: 'succeeded' }, details)).toBeNull()
  })
})

describe('in words', () => {
  it('says where the VM runs, however it ended', () => {
    const at = (state: Operation['state'], released = false) =>
      sentenceOf({ ...operationAt(['memory']), state }, { ...details, released })
    expect(at('running')).toBe('Memory: memory is sent while the VM runs.')
    expect(at('succeeded')).toBe('database runs on beta/beta1.')
    expect(at('failed')).toContain('runs on at alpha/alpha1')
    expect(at('failed', true)).toContain('had been released to beta/beta1')
    expect(at('cancelled')).toContain('everything was taken back')
  })

  it('says of disks that were copied that the VM has stayed', () => {
    const copied: Operation = {
      ...operationAt(['synchronise', 'keep'], 'done'),
      state: 'succeeded',
    }
    const keep = { forMs: null, mode: 'every-write' } as const
    expect(sentenceOf(copied, { ...details, keep })).toBe(
      'beta/beta1 keeps replicas of database, which runs on at alpha/alpha1.',
    )
    expect(verifiedOf(copied, { ...details, keep })).toEqual([
      '1 disk the same on both sides.',
      '12 heartbeats, 0 missed.',
      'Replicas are kept, with every write.',
    ])
    const migrated = operationAt(['memory', 'unmirror'], 'done')
    expect(verifiedOf(migrated, { ...details, keep }).join(' ')).not.toContain('taken out')
    expect(verifiedOf(migrated, details).join(' ')).toContain('taken out')
  })

  it('counts a disk whose mirror does not stand yet as out of sync', () => {
    const [disk] = details.disks
    if (!disk) throw new Error('the sample has a disk')
    const waiting = { ...disk, state: 'connecting', outOfSyncBytes: 0 }
    expect(outOfSyncOf(waiting)).toBe(disk.sizeBytes)
    expect(outOfSyncOf(disk)).toBe(disk.outOfSyncBytes)
    expect(outOfSyncOf({ ...waiting, replicated: false })).toBe(0)
  })

  it('claims only what was verified', () => {
    expect(verifiedOf(operationAt(['synchronise']), details)).toEqual(['12 heartbeats, 0 missed.'])
    const check = { name: 'cpu', subject: 'beta1', reason: '', code: null }
    const checks: MigrationDetails['checks'] = [
      { ...check, result: 'passed' },
      { ...check, result: 'warning' },
    ]
    const lines = verifiedOf(operationAt(['synchronise', 'memory']), { ...details, checks })
    expect(lines[0]).toBe('1 check passed before it began, 1 warning.')
    expect(lines[1]).toBe('1 disk the same on both sides before memory moved.')
    expect(lines.join(' ')).not.toContain('let go')
  })

  it('tells what happened, the newest first', () => {
    expect(logOf(operationAt(['check', 'memory'])).map(({ text }) => text)).toEqual([
      'memory began',
      'check done after 1.0 s',
      'asked for',
    ])
  })
})

it('a long migration is thinned out, not cut off', () => {
  let samples: readonly Sample[] = []
  for (let atMs = 0; atMs < 5_000; atMs += 1)
    samples = addSample(samples, details, atMs, 'synchronise')
  expect(samples.length).toBeLessThanOrEqual(1_200)
  expect(samples[0]?.atMs).toBe(0)
  expect(samples.at(-1)).toMatchObject({ atMs: 4_999, outOfSyncBytes: 2 * 1024 ** 3 })
})

it('draws latencies for disks of which one is known, with a gap where nothing was written', () => {
  const [disk] = details.disks
  if (!disk) throw new Error('the sample has a disk')
  const at = (nowUs: number | null): MigrationDetails => {
    const quiet = { ...disk, slot: 'xvdb', writeLatency: { ...disk.writeLatency, nowUs: null } }
    const writeLatency = { ...disk.writeLatency, nowUs }
    return { ...details, disks: [{ ...disk, writeLatency }, quiet] }
  }
  let samples: readonly Sample[] = []
  for (const nowUs of [410, null, 1_240]) samples = addSample(samples, at(nowUs), 0, 'memory')
  expect(latencyLines(samples)).toEqual([{ label: 'xvda', values: [410, null, 1_240] }])
})

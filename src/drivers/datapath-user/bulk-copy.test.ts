import { expect, it } from 'vitest'
import type { QmpEvent } from '../../lib/qmp/messages.ts'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { MiB } from '../../lib/units.ts'
import { systemClock } from '../system/clock.ts'
import { BulkCopy } from './bulk-copy.ts'
import type { MirrorJob } from './mirror-job.ts'

interface Scene {
  readonly writtenBytes?: number
  /** How the job ends when it is cancelled, and what QEMU tells before that. */
  readonly error?: string
  readonly event?: QmpEvent
}

/** A storage daemon with a bulk copy that can be cancelled. */
function daemonWith({ writtenBytes = 0, error = 'Operation canceled', event }: Scene): Qmp {
  const listeners = new Set<(event: QmpEvent) => void>()
  const tell = (told: QmpEvent) => {
    for (const listener of listeners) listener(told)
  }
  let status = 'running'
  const progress = { offset: 0, len: 0, 'io-status': 'ok' }
  const bitmap = { name: 'written-mirror-first', count: writtenBytes }
  const answers: Record<string, () => unknown> = {
    'query-block-jobs': () => [
      { device: 'bulk', status, ...progress, ...(status === 'concluded' ? { error } : {}) },
    ],
    'query-named-block-nodes': () => [{ 'node-name': 'vm', 'dirty-bitmaps': [bitmap] }],
    'block-job-cancel': () => {
      if (event) tell(event)
      status = 'concluded'
      tell(aboutJob('JOB_STATUS_CHANGE', { id: 'bulk', status }))
    },
  }
  return {
    ...{ version: '7.2.0', closed: new Promise(() => {}), close: () => {} },
    execute: async (command) => answers[command]?.(),
    onEvent: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function aboutJob(name: string, data: QmpEvent['data']): QmpEvent {
  return { name, data }
}

function jobAt(copiedMiB: number, leftMiB: number, isReady = false): MirrorJob {
  return {
    ...{ kind: 'bulk', isReady, hasEnded: false, error: null },
    ...{ copiedBytes: copiedMiB * MiB, leftBytes: leftMiB * MiB },
  }
}

async function answersOf(bulk: BulkCopy, jobs: readonly MirrorJob[]): Promise<boolean[]> {
  const answers: boolean[] = []
  for (const job of jobs) answers.push(await bulk.isCopiedOnce(job))
  return answers
}

it('has copied once when it must have come to a piece again, and not before', async () => {
  const bulk = new BulkCopy(daemonWith({ writtenBytes: 2 * MiB }), 'mirror', 1024 * MiB)
  const jobs = [jobAt(0, 0), jobAt(0, 10), jobAt(10, 3), jobAt(12, 2), jobAt(13, 2)]
  expect(await answersOf(bulk, jobs)).toEqual([false, false, false, false, true])
})

it('has copied once when nothing is left, or more than there is in all', async () => {
  const written = { writtenBytes: 40 * MiB }
  const jobs = [jobAt(0, 40), jobAt(48, 8), jobAt(49, 8)]
  expect(await answersOf(new BulkCopy(daemonWith(written), 'mirror', 48 * MiB), jobs)).toEqual([
    ...[false, false, true],
  ])
  const ready = [jobAt(0, 0, true)]
  expect(await answersOf(new BulkCopy(daemonWith({}), 'mirror', 48 * MiB), ready)).toEqual([true])
})

it('counts from where it finds a job that another program has begun', async () => {
  const bulk = new BulkCopy(daemonWith({ writtenBytes: MiB }), 'mirror', 1024 * MiB)
  const jobs = [jobAt(200, 10), jobAt(211, 1), jobAt(212, 1)]
  expect(await answersOf(bulk, jobs)).toEqual([false, false, true])
})

it('leaves to the catch-up what was written since its beginning', async () => {
  const bulk = new BulkCopy(daemonWith({}), 'mirror', 48 * MiB)
  expect(await bulk.end(systemClock, 1000)).toBe('written-mirror-first')
})

it.each([
  ['it has ended by itself', { error: 'No space left on device' }, /No space left/],
  [
    'what was under way fails',
    { event: aboutJob('BLOCK_JOB_ERROR', { device: 'bulk', operation: 'write' }) },
    /the last write has failed/,
  ],
])('vouches for nothing when %s', async (_what, scene, message) => {
  const bulk = new BulkCopy(daemonWith(scene), 'mirror', 48 * MiB)
  const failed = bulk.end(systemClock, 1000)
  await expect(failed).rejects.toMatchObject({ code: 'COPY_FAILED' })
  await expect(failed).rejects.toThrow(message)
})

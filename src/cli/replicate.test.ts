import { describe, expect, test } from 'vitest'
import { daemons, ended, migrating, run } from '../../test/support/command-line.ts'
import { announce } from '../../test/support/sample-daemons.ts'
import { sampleSchedule } from '../../test/support/sample-documents.ts'
import { exitCodes } from './exit-codes.ts'

describe('crosspool replicate --every', () => {
  const refreshing = { ...sampleSchedule, state: 'refreshing', operation: 'o-1' } as const
  const line = 'replicate database --to beta1 --every 1h --sr fast --bandwidth-limit 50M'

  test('makes a schedule, and shows its first refresh to the end', async () => {
    const seen: unknown[] = []
    const environment = await daemons({
      putReplicaSchedule: async ({ params, body }) => {
        seen.push({ ...params, ...body })
        return refreshing
      },
      watchOperation: async () => announce([migrating, ended('succeeded')]),
    })
    const { exitCode, err, out } = await run(line, environment)
    expect(exitCode).toBe(exitCodes.done)
    expect(err).toContain('refreshed every 1 h 00 min from now on, and kept for 168 h 00 min')
    expect(out).toContain('succeeded')
    expect(seen).toEqual([
      {
        ...{ vm: 'database', destination: 'beta1', srMap: { '*': 'fast' }, networkMap: {} },
        ...{ everyMs: 3_600_000, keepReplica: { forMs: 604_800_000 } },
        bytesPerSecondMax: 50 * 1024 ** 2,
      },
    ])
  })

  test('keeps the replica for longer than the interval, unless told', async () => {
    const seen: unknown[] = []
    const environment = await daemons({
      putReplicaSchedule: async ({ body: { keepReplica } }) => {
        seen.push(keepReplica)
        return sampleSchedule
      },
    })
    await run('replicate database --to beta1 --every 7d', environment)
    await run('replicate database --to beta1 --every 7d --for ever --mode every-write', environment)
    expect(seen).toEqual([{ forMs: 28 * 24 * 3_600_000 }, { forMs: null, mode: 'every-write' }])
  })

  test('does not wait where it is told so, or where the VM is not free', async () => {
    const detached = await run(`${line} --detach --json`, await daemons())
    expect(JSON.parse(detached.out)).toEqual(sampleSchedule)
    const { out } = await run(line, await daemons())
    expect(out).toContain('as soon as the VM is free')
  })

  test('makes none where a check fails, or only the checks are wanted', async () => {
    let isMade = false
    const putReplicaSchedule = async () => {
      isMade = true
      return sampleSchedule
    }
    const none = { possible: false, checks: [], disks: [], interfaces: [] }
    const refused = await daemons({ putReplicaSchedule, preflight: async () => none })
    expect((await run(line, refused)).exitCode).toBe(exitCodes.preflightFailed)
    await run(`${line} --dry-run`, await daemons({ putReplicaSchedule }))
    expect(isMade).toBe(false)
  })
})

import { describe, expect, test } from 'vitest'
import { daemons, ended, migrating, run, start } from '../../test/support/command-line.ts'
import { announce } from '../../test/support/sample-daemons.ts'
import { CrosspoolError } from '../model/errors.ts'
import type { MigrateRequest, Preflight } from '../model/migration.ts'
import type { Operation } from '../model/operation.ts'
import { exitCodes } from './exit-codes.ts'

describe('crosspool migrate', () => {
  const impossible: Preflight = {
    ...{ possible: false, disks: [], interfaces: [] },
    checks: [
      {
        name: 'memory',
        subject: 'beta1',
        result: 'failed',
        reason: '1 GiB free',
        code: 'MEMORY_SHORT',
      },
    ],
  }

  test('says what happens, line by line, and how it ended', async () => {
    const seen: unknown[] = []
    const environment = await daemons({
      migrate: async ({ requester: _, ...request }) => {
        seen.push(request)
        return migrating
      },
      watchOperation: async () => announce([migrating, ended('succeeded')]),
    })
    const line =
      'migrate database --to beta/beta1 --sr xvda=fast --sr bulk --network lan --keep-source-disks'
    const { exitCode, out } = await run(line, environment)
    expect(exitCode).toBe(exitCodes.done)
    expect(out).toContain('succeeded\n')
    expect(out).toContain('database runs on beta/beta1.')
    expect(seen).toEqual([
      {
        params: { vm: 'database' },
        body: {
          destination: 'beta/beta1',
          srMap: { xvda: 'fast', '*': 'bulk' },
          networkMap: { '*': 'lan' },
          keepSourceDisks: true,
        },
      },
    ])
  })

  test.each([
    ['migrate database --to beta1 --keep-replica ever', { forMs: null }],
    ['migrate database --to beta1 --keep-replica 2h', { forMs: 7_200_000 }],
    ['replicate database --to beta1 --for ever', { forMs: null }],
  ])('crosspool %s says how long the replica is kept', async (line, keepReplica) => {
    const seen: unknown[] = []
    const note = async ({ body }: { readonly body: MigrateRequest }) => {
      seen.push(body.keepReplica)
      return migrating
    }
    const environment = await daemons({ migrate: note, replicate: note })
    expect((await run(`${line} --detach`, environment)).exitCode).toBe(exitCodes.done)
    expect(seen).toEqual([keepReplica])
  })

  test('with --json is one document per line, the last one the operation as it ended', async () => {
    const environment = await daemons({
      watchOperation: async () => announce([migrating, ended('succeeded')]),
    })
    const { out } = await run('migrate database --to beta1 --json', environment)
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.at(-1)).toEqual(ended('succeeded'))
  })

  test('stops before it begins when a check fails, and shows them', async () => {
    let started = false
    const environment = await daemons({
      preflight: async () => impossible,
      migrate: async () => {
        started = true
        return migrating
      },
    })
    const { exitCode, out } = await run('migrate database --to beta1', environment)
    expect({ exitCode, started }).toEqual({ exitCode: exitCodes.preflightFailed, started: false })
    expect(out).toContain('1 GiB free')
  })

  test('--dry-run changes nothing', async () => {
    let started = false
    const environment = await daemons({
      migrate: async () => {
        started = true
        return migrating
      },
    })
    const { exitCode, out } = await run('migrate database --to beta1 --dry-run', environment)
    expect({ exitCode, started }).toEqual({ exitCode: exitCodes.done, started: false })
    expect(out).toContain('The VM can be migrated.')
  })

  test('--detach does not wait', async () => {
    const environment = await daemons({ watchOperation: async () => () => () => {} })
    const { exitCode, out } = await run('migrate database --to beta1 --detach', environment)
    expect(exitCode).toBe(exitCodes.done)
    expect(out).toContain('crosspool operations watch o-1')
  })

  test.each([
    ['failed', new CrosspoolError('MEMORY_STREAM_FAILED', { reason: 'reset' }), exitCodes.failed],
    [
      'failed',
      new CrosspoolError('PREFLIGHT_FAILED', { reasons: 'memory' }),
      exitCodes.preflightFailed,
    ],
    [
      'failed',
      new CrosspoolError('PEER_UNREACHABLE', { url: 'u', reason: 'r' }),
      exitCodes.unreachable,
    ],
    ['cancelled', new CrosspoolError('CANCELLED'), exitCodes.cancelled],
  ] as const)('%s with %s', async (state, error, expected) => {
    const document = ended(state, { ...error.toDocument() })
    const environment = await daemons({
      watchOperation: async () => announce([migrating, document]),
    })
    const { exitCode, out, err } = await run('migrate database --to beta1', environment)
    expect(exitCode).toBe(expected)
    expect(out).toContain('database runs on at alpha1')
    expect(err).toContain(state === 'failed' ? error.message : '')
  })

  /** A migration that goes on until it is cancelled. */
  async function interruptible(cancel: () => Promise<Operation>) {
    let tell: (operation: Operation) => void = () => {}
    const environment = await daemons({
      watchOperation: async () => (listener) => {
        tell = listener
        listener(migrating)
        return () => {}
      },
      cancelOperation: cancel,
    })
    const command = start('migrate database --to beta1', environment)
    await expect.poll(() => command.out.join('')).toContain('migrate o-1')
    return { command, tell: (operation: Operation) => tell(operation) }
  }

  test('the first Ctrl-C cancels it, says so and waits for the outcome', async () => {
    const { command, tell } = await interruptible(async () => {
      tell(ended('cancelled'))
      return migrating
    })
    command.interrupt()
    const { exitCode, out, err } = await command.done
    expect(exitCode).toBe(exitCodes.cancelled)
    expect(err).toContain('Cancelling')
    expect(out).toContain('Cancelled. database runs on at alpha1')
    expect(command.interrupts.size).toBe(0)
  })

  test('when it is too late for that, it goes on to the end', async () => {
    const { command, tell } = await interruptible(async () => {
      throw new CrosspoolError('TOO_LATE_TO_CANCEL', { destination: 'beta1' })
    })
    command.interrupt()
    await expect.poll(() => command.err.join('')).toContain('has been released to beta1')
    tell(ended('succeeded'))
    expect((await command.done).exitCode).toBe(exitCodes.done)
  })

  test('the second Ctrl-C leaves it to the daemon', async () => {
    const { command } = await interruptible(async () => migrating)
    command.interrupt()
    command.interrupt()
    const { exitCode, err } = await command.done
    expect(exitCode).toBe(exitCodes.interrupted)
    expect(err).toContain('crosspool operations watch o-1')
  })
})

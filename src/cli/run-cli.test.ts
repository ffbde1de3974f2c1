import { afterEach, describe, expect, test } from 'vitest'
import type { OpenServer } from '../../test/support/open-door.ts'
import { announce, sampleStorage, sampleToolstack } from '../../test/support/sample-daemons.ts'
import { sample, sampleSchedule } from '../../test/support/sample-documents.ts'
import { CrosspoolError } from '../model/errors.ts'
import type { MigrateRequest, Preflight } from '../model/migration.ts'
import type { Operation } from '../model/operation.ts'
import { exitCodes } from './exit-codes.ts'
import { runCli } from './run-cli.ts'

const servers: OpenServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function daemons(
  toolstack: Parameters<typeof sampleToolstack>[0] = {},
  storage: Parameters<typeof sampleStorage>[0] = {},
) {
  const [xapi, sm] = [sampleToolstack(toolstack), sampleStorage(storage)]
  servers.push(xapi, sm)
  await Promise.all([xapi, sm].map((server) => server.listen({ host: '127.0.0.1', port: 0 })))
  return { CROSSPOOL_XAPI: xapi.socketPath, CROSSPOOL_SM: sm.socketPath }
}

/** Runs a command line and collects what it says. */
function start(line: string, environment: Readonly<Record<string, string>> = {}) {
  const out: string[] = []
  const err: string[] = []
  const interrupts = new Set<() => void>()
  const done = runCli(line.split(' ').filter(Boolean), {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    environment,
    onInterrupt(listener) {
      interrupts.add(listener)
      return () => void interrupts.delete(listener)
    },
  })
  return {
    out,
    err,
    interrupts,
    interrupt: () => {
      for (const listener of interrupts) listener()
    },
    done: done.then((exitCode) => ({ exitCode, out: out.join(''), err: err.join('') })),
  }
}
const run = (line: string, environment?: Readonly<Record<string, string>>) =>
  start(line, environment).done

const migrating: Operation = { ...sample.operation, details: sample.migrationDetails }
const ended = (state: Operation['state'], error: Operation['error'] = null): Operation => ({
  ...{ ...migrating, state, error, endedAtMs: 61_000 },
})

describe('lists and single things', () => {
  test.each([
    ['vms', 'database'],
    ['vms list', 'database'],
    ['vms show database', '/dev/vg0/database'],
    ['vms start database', 'database'],
    ['vms shutdown database', 'VM database has been asked to shut down.'],
    ['vms reboot database', 'VM database has been asked to reboot.'],
    ['vms reboot database --hard', 'VM database starts anew.'],
    ['vms pause database', 'paused'],
    ['vms unpause database', 'running'],
    ['vms destroy database', 'VM database has ended.'],
    ['vms forget database', 'VM database is forgotten; its VDIs stay.'],
    ['hosts', 'alpha1'],
    ['hosts add 10.0.0.2:7311', 'Host alpha1 of pool alpha is known now.'],
    ['hosts remove alpha1', 'Host alpha1 is forgotten.'],
    ['pools', 'alpha1'],
    ['networks', 'xenbr0'],
    ['operations', 'o-1'],
    ['operations show o-1', 'replicate-disks'],
    ['operations cancel o-1', 'Operation o-1 is being cancelled.'],
    ['srs', 'lvm'],
    ['srs create local --type lvm --set volumeGroup=vg0', 'local'],
    ['srs forget local', 'SR local is forgotten'],
    ['vdis', 'database-disk'],
    ['vdis list --sr local', 'database-disk'],
    ['vdis show vg0/database-disk', '/dev/mapper/crosspool-1'],
    ['vdis activate database-disk', 'activated'],
    ['replications target database-disk', 'drbd://h:1/r-1'],
    ['replications start database-disk drbd://h:1/r-1', 'syncing'],
    ['vdis create new --sr local --size 1GiB', 'activated'],
    ['replicas', 'REFRESHED AT'],
    ['replicas schedules', 'beta/beta1'],
    ['replicas drop r-2', 'here and at beta/beta1'],
    ['replicate database --every never', 'is refreshed no more'],
    ['replications', 'r-1'],
    ['replications show r-1', 'syncing'],
    ['replications stop r-1 --keep nothing', 'Replication r-1 is taken out'],
    ['replications watch r-1', 'stopped'],
    ['leftovers', 'no reason: a leftover'],
    ['leftovers --clean', 'removed'],
    ['recover', 'crosspool recover database --claim --sure'],
    ['token', 'grafana'],
    ['token create --name x --role viewer --expires 90d', 'sample-secret'],
    ['token create --name x --role viewer --curl', 'pinnedpubkey = "sha256//'],
    ['token revoke grafana', 'is revoked'],
    ['token --storage', 'grafana'],
    ['audit', 'token deploy'],
    ['identity', 'https://10.0.0.1:7311#sha256//'],
    ['pool', 'beta1'],
    ['pool trust', 'https://beta1:7311#'],
    ['pool join line', 'beta/beta1 trust and know each other'],
    ['pool revoke beta', 'trusted no longer'],
    ['recover database --claim', 'add --sure'],
    ['recover database --claim --sure', 'released at epoch 3'],
    ['complete vms', 'database'],
    ['complete vms operations', 'o-1'],
    ['complete hosts', 'alpha/alpha1'],
    ['complete srs', 'local'],
    ['complete vdis', 'database-disk'],
    ['complete replications', 'r-1'],
  ])('crosspool %s', async (line, expected) => {
    const { out, err } = await run(line, await daemons())
    expect(out + err).toContain(expected)
  })

  test('completion knows no names while the daemons are down, and does not say so', async () => {
    const nowhere = { CROSSPOOL_XAPI: 'http://127.0.0.1:1', CROSSPOOL_SM: 'http://127.0.0.1:1' }
    const { exitCode, out, err } = await run('complete vms', nowhere)
    expect({ exitCode, out, err }).toEqual({ exitCode: exitCodes.done, out: '', err: '' })
  })

  test('with --json a document of the API on one line, wherever the option stands', async () => {
    const environment = await daemons()
    for (const line of ['--json vms', 'vms --json', 'vms list --json']) {
      const { out } = await run(line, environment)
      expect(JSON.parse(out)).toEqual([sample.vm])
      expect(out.trimEnd()).not.toContain('\n')
    }
  })

  test('an option names the daemon before the environment does', async () => {
    const { CROSSPOOL_XAPI } = await daemons()
    const environment = { CROSSPOOL_XAPI: '/nowhere/xapi.sock' }
    expect((await run(`vms --xapi ${CROSSPOOL_XAPI}`, environment)).exitCode).toBe(exitCodes.done)
    expect((await run('vms', environment)).exitCode).toBe(exitCodes.unreachable)
  })

  test('what is passed reaches the storage manager', async () => {
    const seen: unknown[] = []
    const environment = await daemons(
      {},
      {
        createVdi: async ({ body }) => {
          seen.push(body)
          return sample.vdi
        },
        createSr: async ({ body }) => {
          seen.push(body)
          return sample.sr
        },
        adopt: async ({ params, body }) => {
          seen.push({ ...params, ...body })
          return sample.vdi
        },
      },
    )
    await run('vdis create new --sr local --size 1GiB', environment)
    await run('srs create s --type file --set folder=/srv --set thin=true', environment)
    await run('vdis adopt database-disk /dev/vg0/a', environment)
    expect(seen).toEqual([
      { sr: sample.sr.id, name: 'new', sizeBytes: 1024 ** 3 },
      { name: 's', type: 'file', configuration: { folder: '/srv', thin: true } },
      { vdi: 'vg0/database-disk', device: '/dev/vg0/a' },
    ])
  })

  test('a name that several VDIs bear is refused', async () => {
    const twins = [sample.vdi, { ...sample.vdi, id: 'other' }].map((vdi) => ({
      ...vdi,
      name: 'twin',
    }))
    const environment = await daemons({}, { listVdis: async () => twins })
    const { exitCode, err } = await run('vdis attach twin', environment)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain('use the id of one: vg0/database-disk, other')
  })
})

describe('waiting until nothing migrates', () => {
  const idle = { listOperations: async () => [ended('failed')], listReceivers: async () => [] }
  const queued = { ...migrating, state: 'queued' } as const

  test.each([
    ['nothing at all', idle],
    ['a migration that is queued still', { ...idle, listOperations: async () => [queued] }],
  ])('%s is not waited for', async (_, handlers) => {
    const { exitCode, out } = await run('operations wait', await daemons(handlers))
    expect({ exitCode, out }).toEqual({
      exitCode: exitCodes.done,
      out: 'No migration runs here.\n',
    })
  })

  test.each([
    ['leaves', { ...idle, listOperations: async () => [migrating] }, 'the migration of database'],
    ['arrives', { ...idle, listReceivers: async () => [sample.receiver] }, 'the arrival of VM'],
  ])('it fails in time while a VM %s', async (_, handlers, expected) => {
    const { exitCode, err } = await run('operations wait --timeout 0', await daemons(handlers))
    expect(exitCode).toBe(exitCodes.failed)
    expect(err).toContain(`host alpha1 is in use by ${expected}`)
  })

  test('it ends when the last one has ended', async () => {
    const states = [migrating, migrating, ended('succeeded')]
    const environment = await daemons({
      ...{ ...idle, listOperations: async () => [states.shift() ?? ended('succeeded')] },
    })
    const { exitCode, err } = await run('operations wait --timeout 30', environment)
    expect({ exitCode, err }).toEqual({
      ...{ exitCode: exitCodes.done, err: 'Waiting for the migration of database ...\n' },
    })
  })
})

describe('errors', () => {
  test('have message and advice on standard error', async () => {
    const environment = await daemons({
      getVm: async () => {
        throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: 'x' })
      },
    })
    const { exitCode, out, err } = await run('vms show x', environment)
    expect({ exitCode, out }).toEqual({ exitCode: exitCodes.failed, out: '' })
    expect(err).toBe(
      'crosspool: There is no vm x [NOT_FOUND]\n' +
        'List what is there, for example with `crosspool vms`.\n',
    )
  })

  test('with --json are a document on standard error', async () => {
    const { exitCode, err } = await run('vms --json', { CROSSPOOL_XAPI: '/nowhere/xapi.sock' })
    expect(exitCode).toBe(exitCodes.unreachable)
    expect(JSON.parse(err)).toMatchObject({ code: 'PEER_UNREACHABLE' })
  })

  test.each([
    ['', 'Usage: crosspool'],
    ['vdi', 'Did you mean vdis?'],
    ['migrate --to b', "missing required argument 'vm'"],
    ['migrate vm', "required option '--to <destination>' not specified"],
    ['migrate vm --to b --sr =x', 'does not have the form FROM=TO'],
    ['replicate vm', "required option '--to <destination>' not specified"],
    ['replicate vm --to b --every soon', 'is not a time'],
    ['vdis create x --sr s --size large', 'is not a size'],
    ['replications stop r --keep all', 'Allowed choices are volume, nothing'],
    ['completion tcsh', 'Allowed choices are bash, zsh, fish'],
    ['vms --xapi http://10.0.0.1:7311', 'https://HOST:PORT#FINGERPRINT'],
    ['token create --name x --role root', 'Allowed choices are viewer, operator, administrator'],
    ['token create --name x --role viewer --expires soon', 'is not a time'],
  ])('crosspool %s is wrong usage', async (line, expected) => {
    const { exitCode, err } = await run(line)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(expected)
  })

  test.each(['--help', 'help migrate', 'migrate -h', '--version'])('crosspool %s', async (line) => {
    const { exitCode, out } = await run(line)
    expect(exitCode).toBe(exitCodes.done)
    expect(out).toMatch(/Usage: crosspool|^\d+\.\d+\.\d+/)
  })
})

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

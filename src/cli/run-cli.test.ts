import { describe, expect, test } from 'vitest'
import { daemons, ended, migrating, run } from '../../test/support/command-line.ts'
import { sample } from '../../test/support/sample-documents.ts'
import { CrosspoolError } from '../model/errors.ts'
import { exitCodes } from './exit-codes.ts'

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

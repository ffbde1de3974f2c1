import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { OpenServer } from '../../../test/support/open-door.ts'
import { sampleStorage, sampleToolstack } from '../../../test/support/sample-daemons.ts'
import { sample } from '../../../test/support/sample-documents.ts'
import { captured } from '../../../test/support/scripted-commands.ts'
import { type ScriptedHost, scriptedHost } from '../../../test/support/scripted-host.ts'
import { createApiClient } from '../../api/client/api-client.ts'
import { storageRoutes } from '../../api/contract/storage-routes.ts'
import { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import { diagnose } from './diagnose.ts'

const servers: OpenServer[] = []
const folders: string[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

interface Given {
  readonly host: ScriptedHost
  readonly sm?: object | string
  readonly xapi?: object | string
  readonly daemons?: 'answer' | 'down'
  readonly toolstack?: Parameters<typeof sampleToolstack>[0]
  readonly storage?: Parameters<typeof sampleStorage>[0]
  readonly nowMs?: number
}

async function diagnosed(given: Given): Promise<Diagnosis> {
  const folder = mkdtempSync(join(tmpdir(), 'crosspool-doctor-'))
  folders.push(folder)
  const write = (name: string, content: object | string = {}) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  servers.push(sampleToolstack(given.toolstack), sampleStorage(given.storage))
  const [xapi = '', sm = ''] = await Promise.all(
    servers.slice(-2).map((server) => server.listen({ host: '127.0.0.1', port: 0 })),
  )
  const down = 'http://127.0.0.1:1'
  const url = (there: string) => (given.daemons === 'down' ? down : there)
  return diagnose({
    host: scriptedHost(given.host),
    clock: { now: () => given.nowMs ?? sample.host.clockMs },
    storage: async () => createApiClient(storageRoutes, url(sm)),
    toolstack: async () => createApiClient(toolstackRoutes, url(xapi)),
    files: { smConfig: write('sm.json', given.sm), xapiConfig: write('xapi.json', given.xapi) },
  })
}

function found({ findings }: Diagnosis, name: string) {
  const finding = findings.find((each) => each.name === name)
  if (!finding) throw new Error(`no ${name} in ${findings.map((each) => each.name).join(', ')}`)
  return finding
}

const versionOf = (program: string) => captured('versions-debian-12', `${program}.txt`)
const filter = (patterns: string) => ({
  'lvmconfig --typeconfig full devices/global_filter': patterns,
  'lvmconfig --typeconfig full devices/filter': captured('lvm-2.03.16', 'lvmconfig-filter.txt'),
})

/** A Xen host with DRBD on which all is as it should be. */
const goodXen: ScriptedHost = {
  commands: {
    'xl info': captured('xen-4.17.7', 'xl-info.txt'),
    'xen-cpuid --help': 'Usage: xen-cpuid',
    'socat -V': versionOf('socat'),
    'ip -V': versionOf('ip'),
    'wg --version': versionOf('wg'),
    'dmsetup --version': versionOf('dmsetup'),
    'losetup --version': versionOf('losetup'),
    'lvs --version': versionOf('lvs'),
    'drbdadm --version': captured('drbd-utils-9.22.0', 'drbdadm-version.txt'),
    'drbdsetup help': 'drbdsetup - Configure the DRBD kernel module.',
    'timedatectl show --property=NTPSynchronized --value': 'yes\n',
    ...filter('global_filter=["r|^/dev/drbd.*|"]\n'),
  },
  files: {
    '/proc/net/tcp': captured('linux-6.1', 'proc-net-tcp.txt'),
    '/proc/sys/kernel/osrelease': '6.1.0-56-amd64\n',
    '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
    '/lib/modules/6.1.0-56-amd64/modules.dep': [
      'kernel/drivers/md/dm-mirror.ko: kernel/drivers/md/dm-log.ko',
      'kernel/drivers/block/xen-blkback/xen-blkback.ko:',
      'kernel/drivers/net/wireguard/wireguard.ko:',
      '',
    ].join('\n'),
    '/sys/hypervisor/type': 'xen\n',
    '/sys/module/dm_mod/version': '4.47.0\n',
    '/sys/module/drbd/version': '8.4.11\n',
    '/sys/module/drbd/parameters/usermode_helper': '/bin/true\n',
    '/sys/module/drbd/parameters/disable_sendpage': 'Y\n',
  },
  modes: { '/var/lib/crosspool/sm': 0o40700, '/run/crosspool': 0o40700 },
  freeBytes: 10 * 1024 ** 3,
  addresses: { '10.0.0.1': ['10.0.0.1'] },
}

const otherHost = { ...sample.host, name: 'beta1', pool: 'beta', url: 'http://10.0.0.2:7311' }
const twoHosts = async () => [sample.host, otherHost]
const quiet: Pick<Given, 'storage' | 'toolstack'> = {
  storage: { leftovers: async () => [] },
  toolstack: { listHosts: twoHosts, listOwnerships: async () => [] },
}

test('a good Xen host: nothing to mend', async () => {
  const diagnosis = await diagnosed({ host: goodXen, ...quiet })
  expect(diagnosis.findings.filter(({ result }) => result !== 'passed')).toEqual([])
  expect(diagnosis).toMatchObject({ host: 'alpha1', healthy: true })
  expect(found(diagnosis, 'Xen').seen).toBe('Xen 4.17.7')
  expect(found(diagnosis, 'drbdadm').seen).toBe('9.22.0')
  expect(found(diagnosis, 'module drbd').seen).toBe('loaded, 8.4.11')
  expect(found(diagnosis, 'module dm_mirror').seen).toBe('loaded when it is needed')
  expect(found(diagnosis, 'lvs').seen).toBe('2.03.16(2)')
  // 7800-7999 without 7950, which somebody uses.
  expect(found(diagnosis, 'ports for mirrors').seen).toContain('199 of 7800 to 7999')
})

describe('a host with DRBD on which something is wrong', () => {
  const spoiled = (change: ScriptedHost, without: readonly string[] = []): ScriptedHost => {
    const left = Object.entries({ ...goodXen.commands, ...change.commands })
    return {
      ...{ ...goodXen, ...change },
      commands: Object.fromEntries(left.filter(([call]) => !without.includes(call))),
      files: { ...goodXen.files, ...change.files },
    }
  }

  test.each([
    ['drbdadm', spoiled({}, ['drbdadm --version']), 'failed', 'apt install drbd-utils'],
    [
      'Xen',
      spoiled({
        commands: {
          'xl info': {
            ...{ exitCode: 1, stderr: captured('xen-4.17.7', 'xl-without-xen.stderr.txt') },
          },
        },
      }),
      ...(['failed', 'Boot the entry with Xen'] as const),
    ],
    [
      'Xen',
      spoiled({ commands: { 'xl info': 'xen_version            : 4.14.6\n' } }),
      ...(['failed', '4.17 or newer'] as const),
    ],
    [
      'DRBD handlers',
      spoiled({ files: { '/sys/module/drbd/parameters/usermode_helper': '/sbin/drbdadm\n' } }),
      ...(['warning', 'usermode_helper=/bin/true'] as const),
    ],
    [
      'DRBD in a Xen dom0',
      spoiled({ files: { '/sys/module/drbd/parameters/disable_sendpage': 'N\n' } }),
      ...(['warning', 'disable_sendpage=1'] as const),
    ],
    [
      "LVM's filter",
      spoiled({ commands: filter('global_filter=["a|.*|"]\n') }),
      ...(['warning', 'lvmlocal.conf'] as const),
    ],
    [
      'ports for mirrors',
      spoiled({ files: { '/proc/sys/net/ipv4/ip_local_port_range': '1024\t65535\n' } }),
      ...(['warning', 'Choose ports'] as const),
    ],
    [
      '/etc/xen/auto',
      spoiled({ files: { '/etc/xen/auto/database.cfg': '' } }),
      ...(['warning', '/etc/xen/auto'] as const),
    ],
    [
      '/var/lib/crosspool/sm',
      spoiled({ modes: { '/var/lib/crosspool/sm': 0o40755 } }),
      ...(['failed', 'chmod u=rwx,go= /var/lib/crosspool/sm'] as const),
    ],
    [
      'own address',
      spoiled({ addresses: { '10.0.0.1': ['127.0.1.1'] } }),
      ...(['warning', 'replicationAddress'] as const),
    ],
  ] as const)('%s', async (name, host, result, advice) => {
    const diagnosis = await diagnosed({ host, ...quiet })
    expect(found(diagnosis, name)).toMatchObject({
      ...{ result, advice: expect.stringContaining(advice) },
    })
    expect(diagnosis.findings.filter((each) => each.result !== 'passed')).toHaveLength(1)
    expect(diagnosis.healthy).toBe(result === 'warning')
  })

  test('a folder is closed to others by the one that it lies in', async () => {
    const modes = { '/var/lib/crosspool/sm': 0o40755, '/var/lib/crosspool': 0o40700 }
    const diagnosis = await diagnosed({ host: spoiled({ modes }), ...quiet })
    expect(found(diagnosis, '/var/lib/crosspool/sm').result).toBe('passed')
  })

  test('a module that is there but not loaded, and one that the kernel has not', async () => {
    const { '/sys/module/drbd/version': _version, ...files } = goodXen.files ?? {}
    const dep = '/lib/modules/6.1.0-56-amd64/modules.dep'
    const gone = Object.fromEntries(
      Object.entries(files).filter(([path]) => !path.startsWith('/sys/module/drbd')),
    )
    const missing = await diagnosed({ host: { ...goodXen, files: gone }, ...quiet })
    expect(found(missing, 'module drbd')).toMatchObject({ result: 'failed' })
    const unloaded = { ...gone, [dep]: `${gone[dep]}kernel/drivers/block/drbd/drbd.ko.xz: x\n` }
    const there = await diagnosed({ host: { ...goodXen, files: unloaded }, ...quiet })
    expect(found(there, 'module drbd')).toMatchObject({
      ...{ result: 'warning', advice: expect.stringContaining('modprobe drbd') },
    })
  })

  test('an SR that is full, and a file system', async () => {
    const { findings } = await diagnosed({
      host: { ...goodXen, freeBytes: 1024 },
      ...quiet,
      storage: { ...quiet.storage, listSrs: async () => [{ ...sample.sr, freeBytes: 5 }] },
    })
    const space = findings.filter(({ area }) => area === 'space')
    expect(space.map(({ result }) => result)).toEqual(['failed', 'failed', 'warning'])
  })
})

const userSpace = {
  sm: { datapath: 'user' },
  xapi: {
    hypervisor: 'qemu',
    qemu: { networks: { lan: { type: 'bridge', bridge: 'br0' } }, accelerator: 'tcg' },
  },
}

describe('a QEMU host', () => {
  const host: ScriptedHost = {
    commands: {
      'qemu-system-x86_64 --version': versionOf('qemu-system-x86_64'),
      'qemu-storage-daemon --version': versionOf('qemu-storage-daemon'),
      'qemu-img --version': versionOf('qemu-img'),
    },
    files: { '/sys/class/net/br0/bridge/bridge_id': '', '/etc/qemu/bridge.conf': 'allow br0\n' },
    addresses: { '10.0.0.1': ['10.0.0.1'] },
  }
  const images = { type: 'file', configuration: { directory: '/srv', format: 'qcow2' } }
  const storage = { ...quiet.storage, listSrs: async () => [{ ...sample.sr, ...images }] }

  test('is asked for what its own drivers need, and for nothing else', async () => {
    const { findings } = await diagnosed({ host, ...userSpace, ...quiet, storage })
    expect(findings.filter(({ result }) => result !== 'passed')).toEqual([])
    const disks = findings.filter(({ area }) => area === 'disks')
    expect(disks.map(({ name, seen }) => `${name} ${seen}`)).toEqual([
      'qemu-storage-daemon 7.2.22',
      'qemu-img 7.2.22',
    ])
  })

  test('an older QEMU, a bridge that is not allowed, no KVM where it is wanted', async () => {
    const diagnosis = await diagnosed({
      ...{ ...userSpace, ...quiet },
      xapi: { ...userSpace.xapi, qemu: { ...userSpace.xapi.qemu, accelerator: 'kvm' } },
      host: {
        ...host,
        commands: {
          ...host.commands,
          'qemu-system-x86_64 --version': 'QEMU emulator version 5.2.0 (Debian 1:5.2)\n',
        },
        files: { ...host.files, '/etc/qemu/bridge.conf': 'allow virbr0\n' },
      },
    })
    for (const name of ['qemu-system-x86_64', 'network lan', 'KVM'])
      expect(found(diagnosis, name).result).toBe('failed')
  })
})

test('a wrong configuration: each problem, and nothing is concluded from it', async () => {
  const diagnosis = await diagnosed({ host: goodXen, sm: '{"datapaths": 1,}', ...quiet })
  const wrong = diagnosis.findings.filter(({ area }) => area === 'configuration')
  expect(wrong[0]).toMatchObject({ result: 'failed', seen: expect.stringContaining('datapaths') })
  expect(diagnosis.findings.filter(({ area }) => area === 'disks')).toEqual([])
  expect(diagnosis.healthy).toBe(false)
})

test('daemons that are down, and a port that another program has', async () => {
  const taken =
    '   0: 00000000:1C8F 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1'
  const files = { ...goodXen.files, '/proc/net/tcp': taken }
  const diagnosis = await diagnosed({ host: { ...goodXen, files }, daemons: 'down' })
  expect(found(diagnosis, 'sm').advice).toContain('systemctl start crosspool-sm')
  expect(found(diagnosis, 'xapi')).toMatchObject({
    ...{ result: 'failed', advice: expect.stringContaining('ss -ltnp "sport = :7311"') },
  })
})

test('a question that a daemon leaves open is told', async () => {
  const toolstack = { ...quiet.toolstack, listHosts: () => Promise.reject(new Error('it hangs')) }
  const diagnosis = await diagnosed({ host: goodXen, ...quiet, toolstack })
  expect(found(diagnosis, 'xapi').result).toBe('passed')
  expect(found(diagnosis, 'other hosts')).toMatchObject({
    ...{ result: 'warning', advice: expect.stringContaining('look at its log') },
  })
})

test('other hosts: one that is gone, one whose clock is wrong, one of another API', async () => {
  const diagnosis = await diagnosed({
    host: goodXen,
    ...quiet,
    nowMs: sample.host.clockMs,
    toolstack: {
      listOwnerships: async () => [sample.ownership],
      listHosts: async () => [
        sample.host,
        { ...otherHost, reachable: false },
        { ...otherHost, name: 'beta2', clockMs: sample.host.clockMs - 60_000 },
        { ...otherHost, name: 'beta3', apiVersion: '2.0' },
      ],
    },
  })
  expect(found(diagnosis, 'beta/beta1')).toMatchObject({ area: 'hosts', result: 'failed' })
  expect(diagnosis.findings).toContainEqual(
    expect.objectContaining({ area: 'clock', name: 'beta/beta2', seen: '1 min 00 s behind ours' }),
  )
  expect(found(diagnosis, 'beta/beta3').seen).toBe('API 2.0 there, 1.0 here')
  expect(found(diagnosis, 'ownership')).toMatchObject({
    ...{ result: 'warning', seen: expect.stringContaining('database') },
  })
})

import { describe, expect, it } from 'vitest'
import { GiB, MiB } from '../../lib/units.ts'
import type { ReceiveRequest } from '../../model/migration.ts'
import type { Sr } from '../../model/sr.ts'
import { type DestinationFacts, planReceive } from './plan-receive.ts'

const sr = (id: string, freeBytes: number, shared = false): Sr => ({
  ...{
    id,
    name: `${id}-name`,
    type: 'any',
    shared,
    canCreate: true,
    configuration: {},
    sizeBytes: 100 * GiB,
    freeBytes,
  },
})

const request: ReceiveRequest = {
  operation: 'op',
  source: {
    host: 'one',
    pool: 'alpha',
    clockMs: 1_000_000,
    apiVersion: '1.0',
    replicationSchemes: ['drbd+wireguard'],
    encryptionObstacle: null,
  },
  epoch: 1,
  vm: {
    ...{
      id: 'vm',
      name: 'database',
      state: 'running',
      vcpus: 1,
      memoryBytes: 64 * MiB,
      obstacles: [],
    },
    ...{ disks: [], interfaces: [], hypervisor: 'any', details: {}, cpuPolicy: {} },
  },
  disks: [
    {
      slot: 'xvda',
      vdi: 'a',
      name: 'root',
      sizeBytes: GiB,
      sr: 'local',
      srName: 'local-name',
      srShared: false,
      wantedSr: null,
    },
    {
      slot: 'xvdb',
      vdi: 'b',
      name: 'data',
      sizeBytes: GiB,
      sr: 'san',
      srName: 'san-name',
      srShared: true,
      wantedSr: null,
    },
  ],
  interfaces: [{ slot: '0', mac: '00:16:3e:00:00:01', network: 'xenbr0' }],
  heartbeatIntervalMs: 1_000,
  heartbeatDeadlineMs: 10_000,
}

const facts: DestinationFacts = {
  usableDeviceKinds: ['block'],
  host: {
    keepModes: [],
    memoryEncodings: [],
    deviceKind: 'block',
    ...{
      name: 'two',
      pool: 'beta',
      url: 'http://two',
      reachable: true,
      hypervisor: 'any',
      version: '1',
      cpuModel: '',
    },
    ...{
      memoryBytes: GiB,
      freeMemoryBytes: GiB,
      networks: [{ name: 'xenbr0' }],
      clockMs: 1_000_000,
    },
    ...{
      apiVersion: '1.1',
      replicationSchemes: ['nbd', 'drbd+wireguard'],
      encryptionObstacle: null,
    },
  },
  srs: [sr('files', 50 * GiB), sr('local', 10 * GiB), sr('san', 0, true)],
  reachableVdis: new Set(['b']),
  replicas: new Map(),
  usedVdis: new Set(),
  vms: [],
  isKnownHalted: false,
  networks: [{ name: 'xenbr0' }],
  receivers: [],
  reservedMemoryBytes: 0,
  missingCpuFeatures: [],
  unusableBootFiles: [],
  knownEpoch: 0,
}

const kernel = { path: '/boot/vmlinux', reason: 'gone', isRefused: false }

const failures = (over: Partial<DestinationFacts>, ask: Partial<ReceiveRequest> = {}) =>
  planReceive({ ...request, ...ask }, { ...facts, ...over }).checks.filter(
    ({ result }) => result === 'failed',
  )

describe('planReceive', () => {
  it('replicates a local disk to the SR of the same name, and leaves a shared one where it is', () => {
    const plan = planReceive(request, facts)
    expect(plan.possible).toBe(true)
    expect(plan.disks).toMatchObject([
      { slot: 'xvda', sr: 'local', replicated: true },
      { slot: 'xvdb', sr: 'san', replicated: false },
    ])
  })

  it('replicates a shared disk when another SR is wanted, or the destination does not reach it', () => {
    const [local, san] = request.disks
    if (!local || !san) throw new Error('no disks')
    const wanted = planReceive(
      { ...request, disks: [local, { ...san, wantedSr: 'files-name' }] },
      facts,
    )
    expect(wanted.disks[1]).toMatchObject({ sr: 'files', replicated: true })
    const unreached = planReceive(request, { ...facts, reachableVdis: new Set() })
    expect(unreached.disks[1]).toMatchObject({ sr: 'files', replicated: true })
  })

  it('gives nobody a shared disk that is in use here, or of another VM', () => {
    expect(failures({ usedVdis: new Set(['b']) })).toMatchObject([
      { name: 'disk-sr', subject: 'xvdb', code: 'BUSY' },
    ])
  })

  it.each([
    ['other-host', { host: { ...facts.host, name: 'one', pool: 'alpha' } }],
    ['vm-absent', { vms: [{ ...request.vm, id: 'other' }] }],
    ['vm-not-arriving', { receivers: [{ id: 'r', vm: 'vm' }] }],
    ['epoch', { knownEpoch: 1 }],
    ['api-version', { host: { ...facts.host, apiVersion: '2.0' } }],
    ['hypervisor', { host: { ...facts.host, hypervisor: 'another' } }],
    ['cpu', { missingCpuFeatures: ['avx2'] }],
    ['memory', { reservedMemoryBytes: GiB - 70 * MiB }],
    ['network', { networks: [] }],
    ['disk-device', { usableDeviceKinds: ['nbd'] }],
    ['replication', { host: { ...facts.host, replicationSchemes: ['nbd'] } }],
    ['space', { srs: [sr('local', GiB - 1), sr('san', 0, true)] }],
    ['disk-sr', { srs: [sr('san', 0, true)] }],
    ['disk-sr', { srs: [{ ...sr('local', 10 * GiB), canCreate: false }, sr('san', 0, true)] }],
    ['vm-absent', { isKnownHalted: true }],
  ] as [string, Partial<DestinationFacts>][])(
    'fails only %s when that is what is wrong',
    (name, over) => {
      expect([...new Set(failures(over).map((check) => check.name))]).toEqual([name])
    },
  )

  it('tells whether disks are encrypted on their way, and warns where they are not', () => {
    const encryption = (here: readonly string[], there: readonly string[]) => {
      const source = { ...request.source, replicationSchemes: [...there] }
      const host = { ...facts.host, replicationSchemes: [...here] }
      const { checks } = planReceive({ ...request, source }, { ...facts, host })
      return checks.find(({ name }) => name === 'encryption')?.result
    }
    const off = ['drbd', 'drbd+wireguard']
    expect(encryption(['drbd+wireguard'], ['drbd+wireguard'])).toBe('passed')
    expect(encryption(['drbd+wireguard'], off)).toBe('passed')
    expect(encryption(off, ['drbd+wireguard'])).toBe('passed')
    expect(encryption(off, off)).toBe('warning')
    expect(encryption(['drbd+wireguard'], ['drbd'])).toBeUndefined()
  })

  it('says which host cannot encrypt, and what to do', () => {
    const encryptionObstacle = 'the kernel has no module wireguard; mend it'
    const host = { ...facts.host, replicationSchemes: [], encryptionObstacle }
    expect(failures({ host })).toMatchObject([
      { name: 'replication', reason: expect.stringContaining(`two: ${encryptionObstacle}`) },
    ])
  })

  it('takes no SR in which no volume can be made, chosen or wanted, but leaves a shared disk in it', () => {
    const [local] = request.disks
    if (!local) throw new Error('no disks')
    const full = { ...sr('local', 10 * GiB), canCreate: false }
    const srs = [full, sr('files', 5 * GiB), { ...sr('san', 0, true), canCreate: false }]
    const plan = planReceive(request, { ...facts, srs })
    expect(plan).toMatchObject({ possible: true, disks: [{ sr: 'files' }, { sr: 'san' }] })
    const wanted = failures({ srs }, { disks: [{ ...local, wantedSr: 'local-name' }] })
    expect(wanted).toMatchObject([{ name: 'disk-sr', subject: 'xvda', code: 'SR_UNUSABLE' }])
  })

  it('counts the disks of one SR together', () => {
    const [local, san] = request.disks
    if (!local || !san) throw new Error('no disks')
    const both = [local, { ...san, wantedSr: 'local' }]
    expect(
      failures({ srs: [sr('local', 2 * GiB - 1)] }, { disks: both }).map(({ code }) => code),
    ).toEqual(['SR_FULL'])
    expect(failures({ srs: [sr('local', 2 * GiB)] }, { disks: both })).toEqual([])
  })

  it.each([
    ['clocks that differ', { host: { ...facts.host, clockMs: 1_060_000 } }, 'clock'],
    ['kernels that only a boot needs', { unusableBootFiles: [kernel] }, 'boot-files'],
  ])('only warns of %s', (_what, changes, name) => {
    const plan = planReceive(request, { ...facts, ...changes })
    expect(plan.possible).toBe(true)
    const warnings = plan.checks.filter(({ result }) => result === 'warning')
    expect(warnings.map((warning) => warning.name)).toEqual([name])
  })

  it('refuses a VM whose kernel is needed at once', () => {
    const unusableBootFiles = [{ ...kernel, isRefused: true }]
    expect(failures({ unusableBootFiles })).toMatchObject([
      { name: 'boot-files', subject: '/boot/vmlinux', reason: 'gone', code: 'NOT_SUPPORTED' },
    ])
  })

  it('names the SR that is not there', () => {
    const [local] = request.disks
    if (!local) throw new Error('no disks')
    expect(failures({}, { disks: [{ ...local, wantedSr: 'nowhere' }] })).toMatchObject([
      { name: 'disk-sr', subject: 'xvda', code: 'NOT_FOUND' },
    ])
  })
})

import { CrosspoolError } from '../../model/errors.ts'
import { clockSkewWarnMs, type DeviceKind, type Host, type Network } from '../../model/host.ts'
import type { Check, DiskPlan, Preflight, ReceiveRequest } from '../../model/migration.ts'
import type { Receiver } from '../../model/receiver.ts'
import { isEncryptedScheme } from '../../model/replication.ts'
import type { Sr } from '../../model/sr.ts'
import type { VmFacts } from '../../model/vm.ts'
import type { UnusableBootFile } from '../../ports/hypervisor.ts'
import { check } from './describe-vm.ts'
import { checkReplicas, planDisk } from './plan-disk.ts'

/** All that the destination's checks look at. Gathered once, judged without I/O. */
export interface DestinationFacts {
  readonly host: Host
  readonly srs: readonly Sr[]
  /** Ids of the offered VDIs that this host reaches too, by its own shared SRs. */
  readonly reachableVdis: ReadonlySet<string>
  /** Of these, the ones in use here, or of a VM that is halted here: nobody else's. */
  readonly usedVdis: ReadonlySet<string>
  /** Replicas that are kept here, by the ids of their replications. */
  readonly replicas: ReadonlyMap<string, KeptHere>
  readonly vms: readonly VmFacts[]
  /** The VM can be started here, from its definition. */
  readonly isKnownHalted: boolean
  readonly networks: readonly Network[]
  /** Receivers that have not ended. */
  readonly receivers: readonly Pick<Receiver, 'vm' | 'id'>[]
  /** Promised to other receivers and not yet used. */
  readonly reservedMemoryBytes: number
  readonly missingCpuFeatures: readonly string[]
  readonly unusableBootFiles: readonly UnusableBootFile[]
  /** Kinds of device that the hypervisor here can give to a VM. */
  readonly usableDeviceKinds: readonly DeviceKind[]
  readonly knownEpoch: number
}

/** A VDI of this host that is the replica of another host's. */
export interface KeptHere {
  readonly vdi: string
  readonly sr: string
  readonly sizeBytes: number
  /** Whose disk it is, and where that is, as it was said when it was kept. */
  readonly vm: string
  readonly slot: string
  readonly other: string
}

/** What a VM takes beyond its own memory: page tables, video, grant tables. */
const memoryOverheadBytes = 16 * 1024 * 1024

export function planReceive(request: ReceiveRequest, facts: DestinationFacts): Preflight {
  const disks = request.disks.map((disk) => planDisk(disk, request, facts))
  const plans = disks.flatMap(({ plan }) => (plan ? [plan] : []))
  const checks = [
    ...checkVm(request, facts),
    ...checkHost(request, facts),
    ...disks.map(({ check: result }) => result),
    ...checkReplicas(request, facts, plans),
    ...checkReplication(request, facts, plans),
    ...checkSpace(plans, facts),
    ...checkDeviceKind(plans, facts),
    ...request.interfaces.map(({ slot, network }) => {
      const known = facts.networks.some(({ name }) => name === network)
      const reason = known
        ? `plugs into ${network}`
        : `there is no network ${network}; map it with --network`
      return check('network', `interface ${slot}`, known, reason, 'NOT_FOUND')
    }),
  ]
  const possible = checks.every(({ result }) => result !== 'failed')
  return { possible, checks, disks: plans, interfaces: request.interfaces }
}

function checkVm(request: ReceiveRequest, facts: DestinationFacts): Check[] {
  const { vm } = request
  const running = facts.vms.find(({ id, name }) => id === vm.id || name === vm.name)
  const same = running?.state ?? (facts.isKnownHalted ? 'halted' : null)
  const arriving = facts.receivers.find((receiver) => receiver.vm === vm.id)
  const otherHost =
    facts.host.name !== request.source.host || facts.host.pool !== request.source.pool
  return [
    check(
      'other-host',
      facts.host.name,
      otherHost,
      otherHost ? 'source and destination differ' : 'source and destination are the same host',
      'NOT_SUPPORTED',
    ),
    check(
      'vm-absent',
      vm.name,
      !same,
      same ? `a VM with this UUID or name is here and is ${same}` : 'no such VM here yet',
      'ALREADY_EXISTS',
    ),
    check(
      'vm-not-arriving',
      vm.name,
      !arriving,
      arriving ? `receiver ${arriving.id} has it` : 'no other migration brings it',
      'BUSY',
    ),
    check(
      'epoch',
      vm.name,
      request.epoch > facts.knownEpoch,
      `epoch ${request.epoch}, ${facts.knownEpoch} is known here`,
      'STALE_EPOCH',
    ),
  ]
}

function checkHost(request: ReceiveRequest, facts: DestinationFacts): Check[] {
  const { host } = facts
  const { vm, source } = request
  const neededBytes = vm.memoryBytes + memoryOverheadBytes
  const freeBytes = host.freeMemoryBytes - facts.reservedMemoryBytes
  const skewMs = Math.abs(host.clockMs - source.clockMs)
  const missing = facts.missingCpuFeatures
  const sameApi = host.apiVersion.split('.')[0] === source.apiVersion.split('.')[0]
  return [
    check(
      'api-version',
      host.name,
      sameApi,
      `${source.apiVersion} here and ${host.apiVersion} there`,
      'NOT_SUPPORTED',
    ),
    check(
      'hypervisor',
      host.name,
      host.hypervisor === vm.hypervisor,
      `the VM runs on ${vm.hypervisor}, the destination is ${host.hypervisor} ${host.version}`,
      'NOT_SUPPORTED',
    ),
    check(
      'cpu',
      host.name,
      missing.length === 0,
      missing.length ? `lacks ${missing.join(', ')}` : 'has every feature that the VM sees',
      'NOT_SUPPORTED',
    ),
    check(
      'memory',
      host.name,
      freeBytes >= neededBytes,
      `${freeBytes} bytes free, ${neededBytes} needed`,
      'MEMORY_SHORT',
    ),
    ...facts.unusableBootFiles.map(checkBootFile),
    {
      name: 'clock',
      subject: host.name,
      result: skewMs > clockSkewWarnMs ? 'warning' : 'passed',
      reason: `clocks differ by ${skewMs} ms`,
      code: null,
    },
  ]
}

/** Without a file that only its next boot needs it may still go there, as it may with plain xl. */
function checkBootFile({ path, reason, isRefused }: UnusableBootFile): Check {
  const common = { name: 'boot-files', subject: path }
  if (isRefused) return { ...common, result: 'failed', reason, code: 'NOT_SUPPORTED' }
  const later = `${reason}: the VM could not boot again here`
  return { ...common, result: 'warning', reason: later, code: null }
}

function checkReplication(
  request: ReceiveRequest,
  facts: DestinationFacts,
  plans: readonly DiskPlan[],
): Check[] {
  if (!plans.some(({ replicated }) => replicated)) return []
  const { source } = request
  const { host } = facts
  // Which one is for the destination to choose, when it makes the URI.
  const scheme = host.replicationSchemes.find((own) => source.replicationSchemes.includes(own))
  if (scheme === undefined) {
    const there = source.replicationSchemes.join(', ') || 'none'
    const here = host.replicationSchemes.join(', ') || 'none'
    const reasons = [
      `no common way to replicate: ${there} there, ${here} here`,
      ...(source.encryptionObstacle ? [`${source.host}: ${source.encryptionObstacle}`] : []),
      ...(host.encryptionObstacle ? [`${host.name}: ${host.encryptionObstacle}`] : []),
    ]
    return [check('replication', host.name, false, reasons.join('; '), 'NOT_SUPPORTED')]
  }
  return [
    check('replication', host.name, true, `replicates by ${scheme}`, null),
    checkEncryption(scheme, host.name),
  ]
}

function checkEncryption(scheme: string, subject: string): Check {
  const encrypted = isEncryptedScheme(scheme)
  return {
    ...{ name: 'encryption', subject, code: null },
    result: encrypted ? 'passed' : 'warning',
    reason: encrypted
      ? 'disks are encrypted on their way'
      : 'disks go in the clear: both hosts have encryption switched off',
  }
}

function checkDeviceKind(plans: readonly DiskPlan[], facts: DestinationFacts): Check[] {
  if (plans.length === 0) return []
  const { deviceKind, hypervisor, name } = facts.host
  const usable = facts.usableDeviceKinds.includes(deviceKind)
  const reason = usable
    ? `${hypervisor} takes disks as ${deviceKind} devices`
    : `the storage manager gives disks as ${deviceKind} devices, which ${hypervisor} cannot use; change its configuration`
  return [check('disk-device', name, usable, reason, 'NOT_SUPPORTED')]
}

/** Disks for the same SR must fit together, not each by itself. */
function checkSpace(plans: readonly DiskPlan[], facts: DestinationFacts): Check[] {
  const neededBySr = new Map<string, number>()
  for (const { sr, sizeBytes, replicated, replica } of plans) {
    if (replicated && replica === undefined)
      neededBySr.set(sr, (neededBySr.get(sr) ?? 0) + sizeBytes)
  }
  return [...neededBySr].map(([id, neededBytes]) => {
    const sr = facts.srs.find((candidate) => candidate.id === id)
    const freeBytes = sr?.freeBytes ?? 0
    return check(
      'space',
      `SR ${sr?.name ?? id}`,
      freeBytes >= neededBytes,
      `${freeBytes} bytes free, ${neededBytes} needed`,
      'SR_FULL',
    )
  })
}

/** What a migration, or VM.receive, fails with when its checks have: every reason, and the codes beside. */
export function preflightFailure({ checks }: Preflight): CrosspoolError {
  const failed = checks.filter(({ result }) => result === 'failed')
  return new CrosspoolError('PREFLIGHT_FAILED', {
    reasons: failed
      .map(({ name, subject, reason }) => `${name} (${subject}): ${reason}`)
      .join('; '),
    codes: failed.map(({ code }) => code).join(','),
  })
}

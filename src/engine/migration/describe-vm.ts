import { CrosspoolError } from '../../model/errors.ts'
import type { Check, MigrateRequest, OfferedDisk, ReceiveRequest } from '../../model/migration.ts'
import type { Replication } from '../../model/replication.ts'
import type { Sr } from '../../model/sr.ts'
import type { Vdi } from '../../model/vdi.ts'
import type { VmConfiguration, VmDisk, VmFacts } from '../../model/vm.ts'
import type { HypervisorCapabilities } from '../../ports/hypervisor.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { readOwnership } from './epochs.ts'
import { readVmRecord } from './vm-records.ts'

/** What the source knows of a VM that is to be migrated. Disks that no SR knows are missing from `disks`. */
export interface DescribedVm {
  readonly configuration: VmConfiguration
  readonly epoch: number
  readonly disks: readonly DescribedDisk[]
  readonly unknownDisks: readonly VmDisk[]
  readonly srs: readonly Sr[]
}

export interface DescribedDisk {
  readonly disk: VmDisk
  readonly vdi: Vdi
  readonly sr: Sr
  /** The mirror to the replica that it has, wherever that is. */
  readonly replica: Replication | null
}

/** @throws NOT_FOUND */
export async function describeVm(
  environment: ToolstackEnvironment,
  vm: string,
): Promise<DescribedVm> {
  const { hypervisor, storage, store } = environment
  const configuration = await hypervisor.configuration(vm)
  const [srs, ownership, replications, found] = await Promise.all([
    storage.listSrs(),
    readOwnership(store, configuration.id),
    storage.listReplications(),
    Promise.all(
      configuration.disks.map(async (disk) => ({
        disk,
        vdi: (await storage.listVdis({ device: disk.device }))[0],
      })),
    ),
  ])
  const disks = found.flatMap(({ disk, vdi }) => {
    const sr = srs.find(({ id }) => id === vdi?.sr)
    const kept = replications.find(({ id }) => id === vdi?.replication)
    const replica = kept?.kept && kept.side === 'source' ? kept : null
    return vdi && sr ? [{ disk, vdi, sr, replica }] : []
  })
  const unknownDisks = found.filter(({ vdi }) => !vdi).map(({ disk }) => disk)
  return { configuration, epoch: ownership.epoch, disks, unknownDisks, srs }
}

/** Finds a VM by UUID or name. @throws NOT_FOUND */
export async function findVm(
  environment: ToolstackEnvironment,
  idOrName: string,
): Promise<VmFacts> {
  const vm = await environment.hypervisor.find(idOrName)
  if (!vm) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: idOrName })
  return vm
}

/** The words in which the source asks the destination, for its preflight and for VM.receive alike. */
export async function buildReceiveRequest(
  environment: ToolstackEnvironment,
  operation: string,
  described: DescribedVm,
  request: MigrateRequest,
): Promise<ReceiveRequest> {
  const facts = await environment.storage.facts()
  const record = await readVmRecord(environment.store, described.configuration.id)
  return {
    operation,
    source: {
      host: environment.host,
      pool: environment.pool,
      clockMs: environment.clock.now(),
      apiVersion: environment.apiVersion,
      replicationSchemes: [...facts.replicationSchemes],
      storageFingerprint: facts.fingerprint,
      encryptionObstacle: facts.encryptionObstacle,
    },
    epoch: described.epoch + 1,
    vm: described.configuration,
    ...(record ? { definition: record.definition } : {}),
    disks: described.disks.map((disk) => offerDisk(disk, request)),
    interfaces: described.configuration.interfaces.map(({ slot, mac, network }) => ({
      slot,
      mac,
      network:
        request.networkMap[mac] ??
        request.networkMap[network] ??
        request.networkMap['*'] ??
        network,
    })),
    heartbeatIntervalMs: environment.heartbeat.intervalMs,
    heartbeatDeadlineMs: Math.max(environment.heartbeat.deadlineMs, request.patienceMs ?? 0),
  }
}

function offerDisk(
  { disk, vdi, sr, replica }: DescribedDisk,
  { srMap }: MigrateRequest,
): OfferedDisk {
  const wantedSr = srMap[disk.slot] ?? srMap[sr.id] ?? srMap[sr.name] ?? srMap['*'] ?? null
  return {
    slot: disk.slot,
    vdi: vdi.id,
    name: vdi.name,
    sizeBytes: vdi.sizeBytes,
    sr: sr.id,
    srName: sr.name,
    srShared: sr.shared,
    wantedSr,
    ...(replica?.kept
      ? {
          replica: {
            replication: replica.id,
            other: replica.kept.other,
            differingBytes: replica.outOfSyncBytes,
          },
        }
      : {}),
  }
}

/** The source's own checks. */
export function checkSource(
  described: DescribedVm,
  request: MigrateRequest,
  { type, tunesMemory }: HypervisorCapabilities,
): Check[] {
  const { configuration, disks, unknownDisks } = described
  const running = configuration.state === 'running'
  return [
    check(
      'vm-running',
      configuration.name,
      running,
      `the VM is ${configuration.state}`,
      'WRONG_STATE',
    ),
    ...(configuration.obstacles.length
      ? configuration.obstacles.map((reason) =>
          check('vm-migratable', configuration.name, false, reason, 'NOT_SUPPORTED'),
        )
      : [
          check(
            'vm-migratable',
            configuration.name,
            true,
            'nothing in its configuration ties it to this host',
            null,
          ),
        ]),
    ...unknownDisks.map(({ slot, device }) =>
      check(
        'disk-known',
        slot,
        false,
        `${device} is in no SR of this host; create an SR over the storage it is on`,
        'NOT_FOUND',
      ),
    ),
    ...disks.map(checkDisk),
    ...(request.memory
      ? [
          check(
            'memory-tuning',
            type,
            tunesMemory,
            tunesMemory ? 'heeds how memory is to be sent' : 'cannot be told how to send memory',
            'NOT_SUPPORTED',
          ),
        ]
      : []),
  ]
}

/**
 * The device that the VM uses must be the one that a mirror can be slid beneath: that of an activated
 * VDI, or the volume itself where nobody has taken it in hand yet.
 */
function checkDisk({ disk: { slot, device }, vdi, replica }: DescribedDisk): Check {
  if (vdi.replication && !replica) {
    const reason = `VDI ${vdi.id} takes part in replication ${vdi.replication} already`
    return check('disk-usable', slot, false, reason, 'BUSY')
  }
  if (mustAdopt(vdi)) {
    return check(
      'disk-usable',
      slot,
      true,
      `VDI ${vdi.id} will be adopted from the running VM`,
      null,
    )
  }
  const passed = vdi.state === 'activated' && vdi.device === device
  const reason = passed
    ? `VDI ${vdi.id} is activated`
    : `the VM uses ${device} beside VDI ${vdi.id}, which is ${vdi.state} as ${vdi.device ?? 'no device'}`
  return check('disk-usable', slot, passed, reason, 'WRONG_STATE')
}

/** True for a volume that the VM uses as it is. */
export function mustAdopt({ state }: Vdi): boolean {
  return state === 'detached' || state === 'adopted'
}

export function check(
  name: string,
  subject: string,
  passed: boolean,
  reason: string,
  code: Check['code'],
): Check {
  return { name, subject, result: passed ? 'passed' : 'failed', reason, code: passed ? null : code }
}

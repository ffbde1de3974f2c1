import type {
  Check,
  DiskPlan,
  MigrateRequest,
  MigrationDetails,
  ReceiveRequest,
} from '../../model/migration.ts'
import type { ReplicaTerms } from '../../model/replica.ts'
import type { Replication } from '../../model/replication.ts'
import { unknownWriteLatency, type WriteLatency } from '../../model/write-latency.ts'
import type { OutgoingVm } from '../../ports/hypervisor.ts'
import type { StepContext } from '../operation/step.ts'
import type { HeartbeatSender } from './heartbeat-sender.ts'
import type { SeenWrites } from './write-latency.ts'

/** What the source must remember of a migration across a restart. */
export type MigrationMemo = {
  readonly request: MigrateRequest
  readonly vm: { readonly id: string; readonly name: string }
  readonly from: { readonly pool: string; readonly host: string }
  readonly destinationUrl: string
  readonly startedAtMs: number
  to: { pool: string; host: string }
  /** The epoch at which the destination will own the VM. */
  epoch: number
  /** The words in which the destination is asked; null until everything has been checked. */
  receive: ReceiveRequest | null
  checks: readonly Check[]
  disks: MigratingDisk[]
  receiver: { id: string; token: string } | null
  keptDisks: string[]
  /** Null: the mirrors are taken out in the end. Older daemons did not know it. */
  keep?: ReplicaTerms | null
  /** Null: as fast as goes. */
  bytesPerSecondMax: number | null
  figures: MigrationDetails['figures']
  /** By slot; left out where nothing is known. */
  writeLatency?: Record<string, WriteLatency>
  /** Left out until the disks have been compared. */
  verification?: MigrationDetails['verification']
}

export type MigratingDisk = DiskPlan & {
  /** Path by which the VM at the source uses it. */
  readonly device: string
  /** Its VDI is in use by a VM that was not started on a device of ours. */
  readonly toAdopt: boolean
  readonly managed: boolean
  uri: string | null
  replication: string | null
}

/** What the source holds while it runs. */
export interface MigrationLive {
  outgoing: OutgoingVm | null
  heartbeat: HeartbeatSender | null
  memory: Omit<MigrationDetails['memory'], 'crossedBytes'>
  /** Null: the memory is not compressed. */
  crossedBytes: () => number | null
  pausedAtMs: number | null
  writes: SeenWrites | null
  isCountingWrites: boolean
  readonly replications: Map<string, Replication>
  readonly stopWatching: Map<string, () => void>
  /** Makes room for the next migration in the queue. */
  leave: (() => void) | null
}

export type MigrationContext = StepContext<MigrationMemo, MigrationLive>

export function createMigrationLive(): MigrationLive {
  return {
    outgoing: null,
    heartbeat: null,
    memory: { sentBytes: 0, totalBytes: 0, bytesPerSecond: 0, etaMs: null, passes: null },
    crossedBytes: () => null,
    pausedAtMs: null,
    writes: null,
    isCountingWrites: false,
    replications: new Map(),
    stopWatching: new Map(),
    leave: null,
  }
}

/** The operation's details, as everybody sees them. The receiver's token and the URIs stay out. */
export function migrationDetails(memo: MigrationMemo, live: MigrationLive): MigrationDetails {
  return {
    vm: memo.vm.id,
    vmName: memo.vm.name,
    hypervisor: memo.receive?.vm.hypervisor ?? '',
    from: memo.from,
    to: memo.to,
    epoch: memo.epoch,
    bytesPerSecondMax: memo.bytesPerSecondMax ?? null,
    disks: memo.disks.map((disk) => diskDetails(disk, memo, live)),
    memory: { ...live.memory, crossedBytes: live.crossedBytes() },
    heartbeat: live.heartbeat?.statistics() ?? {
      sequence: 0,
      missed: 0,
      clockSkewMs: 0,
      roundTripMs: 0,
    },
    // A record of an older daemon has none.
    checks: [...(memo.checks ?? [])],
    released: memo.figures.releaseMs !== null,
    keptDisks: memo.keptDisks,
    keep: memo.keep ?? null,
    verification: memo.verification ?? null,
    figures: memo.figures,
  }
}

function diskDetails(
  disk: MigratingDisk,
  { writeLatency = {} }: MigrationMemo,
  live: MigrationLive,
): MigrationDetails['disks'][number] {
  const { slot, vdi, sourceSr, sr, sizeBytes, replicated } = disk
  const seen = live.replications.get(disk.vdi)
  return {
    ...{ slot, vdi, sourceSr, sr, sizeBytes, replicated, replication: disk.replication },
    encrypted: seen?.encrypted ?? null,
    state: seen?.state ?? (replicated ? 'waiting' : 'shared'),
    outOfSyncBytes: seen?.outOfSyncBytes ?? 0,
    sentBytes: seen?.sentBytes ?? 0,
    bytesPerSecond: seen?.bytesPerSecond ?? 0,
    etaMs: seen?.etaMs ?? null,
    writeLatency: writeLatency[slot] ?? unknownWriteLatency,
  }
}

/** The disks as the storage manager's handover wants them. */
export function handoverOf(memo: MigrationMemo): { vdi: string; replication: string | null }[] {
  return memo.disks.map(({ vdi, replication }) => ({ vdi, replication }))
}

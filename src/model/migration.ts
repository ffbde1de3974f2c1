import { z } from 'zod'
import { fingerprintSchema } from './access.ts'
import { encryptionObstacleSchema } from './host.ts'
import type { Operation } from './operation.ts'
import { replicaTermsSchema, replicaWishSchema } from './replica.ts'
import { bytesPerSecondMaxSchema, verificationSummarySchema } from './replication.ts'
import { arrivingVmSchema, slotSchema, vmDefinitionSchema } from './vm.ts'
import { writeLatencySchema } from './write-latency.ts'

export const memoryTuningSchema = z.object({
  downtimeLimitMs: z
    .int()
    .positive()
    .max(60_000)
    .optional()
    .describe('the VM pauses for its last memory only when that is expected to take no longer'),
  autoConverge: z
    .boolean()
    .optional()
    .describe('slow the guest down while it writes memory faster than can be sent'),
})
export type MemoryTuning = z.infer<typeof memoryTuningSchema>

/** What a user asks for. */
export const migrateRequestSchema = z
  .object({
    destination: z
      .string()
      .min(1)
      .describe("a known host's name, POOL/HOST, or the URL of its xapi"),
    srMap: z
      .record(z.string(), z.string())
      .default({})
      .describe(
        'slot of the disk, or id or name of its SR -> SR at the destination; "*" for the rest',
      ),
    networkMap: z
      .record(z.string(), z.string())
      .default({})
      .describe('MAC, or network at the source -> network at the destination; "*" for the rest'),
    keepSourceDisks: z
      .boolean()
      .default(false)
      .describe(
        "leave the source's disks there, detached; those of the administrator's always stay",
      ),
    keepReplica: replicaWishSchema
      .optional()
      .describe("the source's disks stay there as replicas, so that going back sends what differs"),
    patienceMs: z
      .int()
      .positive()
      .max(7 * 24 * 3_600_000)
      .optional()
      .describe(
        'how long a lost link or a destination that is started anew is waited for while the disks are copied; the copy then goes on where it was',
      ),
    bytesPerSecondMax: bytesPerSecondMaxSchema
      .optional()
      .describe('limit of copying the disks, which share it equally; it can be changed later'),
    verify: z.boolean().optional().describe('compare both sides of each copied disk'),
    compressMemory: z
      .boolean()
      .optional()
      .describe(
        'send the memory compressed, for a link that is slower than a processor compresses',
      ),
    memory: memoryTuningSchema
      .optional()
      .describe('how the memory is sent; not every hypervisor can be told'),
  })
  .meta({ id: 'MigrateRequest' })
export type MigrateRequest = z.infer<typeof migrateRequestSchema>

export const checkSchema = z
  .object({
    name: z.string(),
    subject: z.string().describe('the disk, interface or host that it is about'),
    result: z.enum(['passed', 'warning', 'failed']),
    reason: z.string(),
    code: z.string().nullable().describe('error code that the migration would fail with'),
  })
  .meta({ id: 'Check' })
export type Check = z.infer<typeof checkSchema>

/** How one disk gets across. */
export const diskPlanSchema = z.object({
  slot: z.string(),
  vdi: z.string(),
  sourceSr: z.string(),
  sr: z.string().describe('SR at the destination'),
  sizeBytes: z.int().positive(),
  replicated: z.boolean().describe('false: the destination reaches the same volume'),
  replica: z
    .string()
    .optional()
    .describe('VDI at the destination that is a replica of this disk, and onto which it is copied'),
})
export type DiskPlan = z.infer<typeof diskPlanSchema>

export const interfacePlanSchema = z.object({
  slot: z.string(),
  mac: z.string(),
  network: z.string(),
})

export const preflightSchema = z
  .object({
    possible: z.boolean(),
    checks: z.array(checkSchema),
    disks: z.array(diskPlanSchema),
    interfaces: z.array(interfacePlanSchema),
  })
  .meta({ id: 'Preflight' })
export type Preflight = z.infer<typeof preflightSchema>

/** A disk as the source describes it to the destination. */
export const offeredDiskSchema = z.object({
  slot: slotSchema,
  vdi: z.string(),
  name: z.string().min(1).max(255),
  sizeBytes: z.int().positive(),
  sr: z.string(),
  srName: z.string(),
  srShared: z.boolean(),
  wantedSr: z.string().nullable().describe('id or name; null: the destination chooses'),
  replica: z
    .object({
      replication: z.string().max(100),
      other: z.string().max(512).describe('POOL/HOST that has it'),
      differingBytes: z.int().nonnegative(),
    })
    .optional()
    .describe('it has a replica, which the destination may have'),
})
export type OfferedDisk = z.infer<typeof offeredDiskSchema>

/** VM.receive: all that the destination is told. Also what its preflight judges. */
export const receiveRequestSchema = z
  .object({
    operation: z.string().max(100).describe('id of the migration, the same on both sides'),
    source: z.object({
      host: z.string().max(255),
      pool: z.string().max(255),
      clockMs: z.int(),
      apiVersion: z.string().max(20),
      replicationSchemes: z.array(z.string()).max(16),
      storageFingerprint: fingerprintSchema
        .optional()
        .describe('of its storage manager, the only one that may use the replication URIs'),
      encryptionObstacle: encryptionObstacleSchema,
    }),
    epoch: z.int().positive().describe('the epoch at which the destination will own the VM'),
    vm: arrivingVmSchema,
    definition: vmDefinitionSchema
      .optional()
      .describe('what the VM can be started from again, with the VDIs and networks of the source'),
    disks: z.array(offeredDiskSchema).max(64),
    interfaces: z
      .array(interfacePlanSchema)
      .max(32)
      .describe('network: the one wanted at the destination'),
    heartbeatIntervalMs: z.int().min(100).max(3_600_000),
    heartbeatDeadlineMs: z
      .int()
      .min(1_000)
      .max(8 * 24 * 3_600_000),
  })
  .meta({ id: 'ReceiveRequest' })
export type ReceiveRequest = z.infer<typeof receiveRequestSchema>

/** What a migration tells of itself while it runs and afterwards: the `details` of its operation. */
export const migrationDetailsSchema = z
  .object({
    vm: z.string(),
    vmName: z.string(),
    hypervisor: z.string(),
    from: z.object({ pool: z.string(), host: z.string() }),
    to: z.object({ pool: z.string(), host: z.string() }),
    epoch: z.int(),
    disks: z.array(
      diskPlanSchema.extend({
        replication: z.string().nullable(),
        encrypted: z
          .boolean()
          .nullable()
          .describe('on its way to the other host; null: not known yet, or both reach the disk'),
        state: z.string(),
        outOfSyncBytes: z.int().nonnegative(),
        sentBytes: z.int().nonnegative(),
        bytesPerSecond: z.int().nonnegative(),
        etaMs: z.int().nonnegative().nullable(),
        writeLatency: writeLatencySchema.prefault({}),
      }),
    ),
    bytesPerSecondMax: bytesPerSecondMaxSchema.describe('limit of copying; null: none'),
    memory: z.object({
      sentBytes: z.int().nonnegative(),
      totalBytes: z.int().nonnegative(),
      bytesPerSecond: z.int().nonnegative(),
      etaMs: z
        .int()
        .nonnegative()
        .nullable()
        .default(null)
        .describe(
          'until all of it has been sent once; null: not known, or what changed is sent again',
        ),
      passes: z
        .int()
        .nonnegative()
        .nullable()
        .default(null)
        .describe('how often it has been gone through; null: the hypervisor does not say'),
      crossedBytes: z
        .int()
        .nonnegative()
        .nullable()
        .default(null)
        .describe('what has crossed the link for it, compressed; null: it is not compressed'),
    }),
    heartbeat: z.object({
      sequence: z.int(),
      missed: z.int(),
      clockSkewMs: z.int(),
      roundTripMs: z.int(),
    }),
    checks: z.array(checkSchema).default([]).describe('what was checked before it began'),
    released: z.boolean().describe('true: it only goes forwards from here'),
    keptDisks: z.array(z.string()).describe('VDIs that stay at the source'),
    keep: replicaTermsSchema
      .nullable()
      .default(null)
      .describe('how the disks at the host that the VM does not run on are kept as replicas'),
    verification: verificationSummarySchema,
    figures: z.object({
      totalMs: z.int().nullable(),
      syncMs: z.int().nullable(),
      memoryMs: z.int().nullable(),
      pausedMs: z
        .int()
        .nullable()
        .describe(
          'from the moment the source knew the VM paused until the destination said it runs',
        ),
      handoverMs: z.int().nullable().describe("the disks' share of it: release and take"),
      releaseMs: z.int().nullable(),
      takeMs: z.int().nullable(),
      bytesReplicated: z.int().nonnegative(),
      memoryBytesCrossed: z
        .int()
        .nonnegative()
        .nullable()
        .default(null)
        .describe('what crossed the link for the memory, compressed; null: it was not'),
    }),
  })
  .meta({ id: 'MigrationDetails' })
export type MigrationDetails = z.infer<typeof migrationDetailsSchema>

/** What a migration tells of itself; null for another kind of operation. */
export function migrationDetailsOf(operation: Operation): MigrationDetails | null {
  const parsed = migrationDetailsSchema.safeParse(operation.details)
  return parsed.success ? parsed.data : null
}

import { z } from 'zod'

/**
 * One VDI mirrored from its source to its target. Each of the two storage managers keeps its own
 * record under the same id.
 *
 *   offered ----> connecting ----> syncing <----> synced ----> handed-over
 *   (target        |                  |             |
 *    only)         +------ interrupted (the link is down; the provider tries again)
 *   A replica that is kept is synced, syncing or interrupted, or paused (only what differs is noted).
 *   Any state -> failed (cannot go on by itself) or stopped (taken out, everything removed).
 */
export const replicationStateSchema = z.enum([
  'offered',
  'connecting',
  'syncing',
  'synced',
  'interrupted',
  'paused',
  'handed-over',
  'paused',
  'failed',
  'stopped',
])

export const replicationSideSchema = z.enum(['source', 'target'])

/**
 * What a kept replica has of the VM's writes. `every-write`: each one, for which the VM waits, except while the
 * link is interrupted; `difference`: none, but where the VM is it is remembered what differs.
 */
export const keepModeSchema = z.enum(['every-write', 'difference'])
export type KeepMode = z.infer<typeof keepModeSchema>

const forMsMax = 366 * 24 * 3_600_000

/** For how long a replica is kept. */
export const keepForMsSchema = z.int().min(1_000).max(forMsMax).nullable()

/** A disk of this VM and the replica of it, as both sides record it. */
const keptFields = {
  vm: z.string().max(100),
  slot: z.string().max(100),
  other: z.string().max(512).describe('POOL/HOST that has the other one'),
  mode: keepModeSchema,
}

/** What a storage manager is told when a mirror becomes a replica. */
export const keepReplicationSchema = z.object({
  ...keptFields,
  side: replicationSideSchema.describe('what this side is from now on: the VM is at the source'),
  forMs: keepForMsSchema.describe('by the clock of this side; null: until it is dropped'),
})
export type KeepReplication = z.infer<typeof keepReplicationSchema>

export const keptReplicaSchema = z.object({
  ...keptFields,
  sinceMs: z.int(),
  untilMs: z.int().nullable(),
})
export type KeptReplica = z.infer<typeof keptReplicaSchema>

/** DRBD itself takes no less. */
const bytesPerSecondMaxMin = 256 * 1024

/** Of copying; null: as fast as goes. What the guest writes meanwhile is never held up by it. */
export const bytesPerSecondMaxSchema = z.int().min(bytesPerSecondMaxMin).nullable()

export const replicationLimitSchema = z.object({
  bytesPerSecondMax: bytesPerSecondMaxSchema.describe('null: as fast as goes'),
})
export type ReplicationLimit = z.infer<typeof replicationLimitSchema>

/** How the two sides of a mirror compared, byte for byte. */
export const verificationResultSchema = z.object({
  algorithm: z.string().describe('digest by which blocks are compared'),
  comparedBytes: z.int().nonnegative(),
  differentBytes: z.int().nonnegative(),
})
export type VerificationResult = z.infer<typeof verificationResultSchema>

/** Of all the disks of a migration. */
export const verificationSummarySchema = verificationResultSchema
  .extend({ tookMs: z.int() })
  .nullable()
  .default(null)
  .describe('how both sides compared before the memory moved; null: that was not asked for')

export const verificationSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('running') }),
  z.object({ state: z.literal('failed'), reason: z.string() }),
  z.object({ state: z.literal('done'), ...verificationResultSchema.shape, tookMs: z.int() }),
])
export type Verification = z.infer<typeof verificationSchema>

export const replicationSchema = z
  .object({
    id: z.string(),
    vdi: z.string(),
    side: replicationSideSchema,
    provider: z.string().describe('scheme of the URI: drbd+wireguard, ...'),
    encrypted: z.boolean().describe('on its way to the other host'),
    state: replicationStateSchema,
    sizeBytes: z.int().positive(),
    outOfSyncBytes: z.int().nonnegative().describe('still to be copied'),
    sentBytes: z.int().nonnegative().describe('sent over the link so far'),
    bytesPerSecond: z.int().nonnegative(),
    etaMs: z.int().nonnegative().nullable(),
    bytesPerSecondMax: bytesPerSecondMaxSchema.describe('limit of its copying; null: none'),
    reason: z.string().nullable().describe('why it is interrupted or failed'),
    kept: keptReplicaSchema
      .extend({
        lackingSinceMs: z
          .int()
          .nullable()
          .describe('writes from then on may be missing in the replica; null: it has each one'),
        isWhole: z
          .boolean()
          .describe('the replica is the disk as it was at one moment: not while it catches up'),
      })
      .nullable()
      .default(null)
      .describe('the target is a replica that is kept; null: a migration has the mirror'),
    verification: verificationSchema
      .optional()
      .describe('the last comparison of both sides since the storage manager was started'),
  })
  .meta({ id: 'Replication' })
export type Replication = z.infer<typeof replicationSchema>

/** DRBD 8.4 has no encryption of its own, so it goes through a link; the storage processes speak TLS. */
const encryptedSchemes: readonly string[] = ['drbd+wireguard', 'nbd']

export function isEncryptedScheme(scheme: string): boolean {
  return encryptedSchemes.includes(scheme)
}

/** True when every acknowledged write is on both sides and the next ones will be too. */
export function isSynchronous(replication: Replication): boolean {
  return replication.state === 'synced'
}

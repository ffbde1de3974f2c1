import { z } from 'zod'
import { refreshStatusSchema } from './refresh.ts'
import { keepForMsSchema, keepModeSchema, replicationStateSchema } from './replication.ts'

/** A disk of a VM and its replica at another host, as one of the two hosts sees them. */
export const replicaSchema = z
  .object({
    id: z.string().describe('of the replication, the same at both hosts'),
    vm: z.string(),
    vmName: z.string().nullable().describe('null: not known here'),
    slot: z.string(),
    here: z.enum(['disk', 'replica']).describe('which of the two this host has'),
    vdi: z.string().describe('the one that is here'),
    sr: z.string().nullable(),
    other: z.string().describe('POOL/HOST that has the other one'),
    mode: keepModeSchema,
    state: replicationStateSchema,
    reason: z.string().nullable().describe('why it is interrupted or failed'),
    sizeBytes: z.int().positive(),
    allocatedBytes: z.int().nonnegative().describe('what the one that is here takes up'),
    differingBytes: z.int().nonnegative().describe('as far as it is known here'),
    sinceMs: z.int(),
    untilMs: z.int().nullable().describe('null: until it is dropped'),
    lackingSinceMs: z
      .int()
      .nullable()
      .describe('writes from then on may be missing in the replica; null: it has each one'),
    isWhole: z.boolean().describe('the replica is the disk as it was at one moment'),
    refresh: refreshStatusSchema
      .nullable()
      .default(null)
      .describe('how this host brings it up to date; null: nobody here does'),
  })
  .meta({ id: 'Replica' })
export type Replica = z.infer<typeof replicaSchema>

export const droppedReplicaSchema = z.object({
  id: z.string(),
  other: z.string(),
  isToldThere: z.boolean().describe('false: the other host does not answer, and drops it later'),
})
export type DroppedReplica = z.infer<typeof droppedReplicaSchema>

/** What a host knows of a VM of which it keeps a replica, or kept one. */
export const claimSchema = z.object({
  epoch: z.int().nonnegative(),
  isClaimed: z.boolean().describe('it may run at this host, at that epoch'),
  keepsReplica: z.boolean().describe('false: it cannot be claimed at this host any more'),
})
export type Claim = z.infer<typeof claimSchema>

/** How long the disks at the other host stay as replicas. */
export const replicaWishSchema = z.object({
  forMs: keepForMsSchema.describe('null: until it is dropped'),
  mode: keepModeSchema.optional().describe('left out: the best that both hosts have'),
})
export type ReplicaWish = z.infer<typeof replicaWishSchema>

/** What both sides of a mirror are told in the end. */
export const replicaTermsSchema = z.object({ forMs: keepForMsSchema, mode: keepModeSchema })
export type ReplicaTerms = z.infer<typeof replicaTermsSchema>

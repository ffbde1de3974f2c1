import { z } from 'zod'
import { migrateRequestSchema } from './migration.ts'
import { refreshStatusSchema } from './refresh.ts'
import { replicaWishSchema } from './replica.ts'

const minuteMs = 60_000
const everyMsMax = 90 * 24 * 60 * minuteMs

const { destination, srMap, networkMap, patienceMs, bytesPerSecondMax } = migrateRequestSchema.shape

/** What a user asks for: the replicas of a VM's disks at another host are brought up to date, again and again. */
export const replicaScheduleWishSchema = z
  .object({
    destination,
    srMap,
    networkMap,
    keepReplica: replicaWishSchema
      .extend({ mode: replicaWishSchema.shape.mode.describe('left out: difference') })
      .describe('for how long, from each refresh on: longer than the interval'),
    patienceMs,
    bytesPerSecondMax,
    everyMs: z
      .int()
      .min(minuteMs)
      .max(everyMsMax)
      .describe('from the beginning of one refresh to that of the next'),
  })
  .meta({ id: 'ReplicaScheduleWish' })
export type ReplicaScheduleWish = z.infer<typeof replicaScheduleWishSchema>

export const replicaScheduleSchema = z
  .object({
    vm: z.string(),
    vmName: z.string(),
    ...replicaScheduleWishSchema.shape,
    destination: z.string().describe('POOL/HOST'),
    createdAtMs: z.int(),
    ...refreshStatusSchema.shape,
  })
  .meta({ id: 'ReplicaSchedule' })
export type ReplicaSchedule = z.infer<typeof replicaScheduleSchema>

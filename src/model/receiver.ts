import { z } from 'zod'
import { bytesPerSecondMaxSchema } from './replication.ts'

/**
 *   reserved -> receiving -> ready -> owned -> starting -> running -> closed
 *      |            |          |        |         |
 *      +------------+----------+--------+---------+--> aborted (durable refusal; nothing left behind)
 *
 * From `owned` on it refuses only when the VM certainly never ran here: when its state could not be
 * sent, or the hypervisor says so.
 */
export const receiverStateSchema = z.enum([
  'reserved',
  'receiving',
  'ready',
  'owned',
  'starting',
  'running',
  'closed',
  'aborted',
])
export type ReceiverState = z.infer<typeof receiverStateSchema>

/** How a VM's memory crosses the link; each is a protocol of its own, so nobody takes one for another. */
export const memoryEncodings = ['plain', 'deflate'] as const
export type MemoryEncoding = (typeof memoryEncodings)[number]

export const receiverSchema = z
  .object({
    id: z.string(),
    operation: z.string(),
    vm: z.string(),
    epoch: z.int(),
    state: receiverStateSchema,
    reason: z.string().nullable().describe('why it was aborted'),
    disks: z.array(
      z.object({
        slot: z.string(),
        vdi: z.string().describe('VDI at the destination'),
        sr: z.string(),
        replicationUri: z
          .string()
          .nullable()
          .describe('null: the destination reaches the volume itself'),
      }),
    ),
    memoryPath: z
      .string()
      .describe('path on the same host and port to which the memory stream is upgraded'),
    heartbeatPath: z.string(),
  })
  .meta({ id: 'Receiver' })
export type Receiver = z.infer<typeof receiverSchema>

/** The answer to VM.receive. The token is shown once, here, and good for this receiver alone. */
export const receiverGrantSchema = z
  .object({ receiver: receiverSchema, token: z.string() })
  .meta({ id: 'ReceiverGrant' })
export type ReceiverGrant = z.infer<typeof receiverGrantSchema>

export const heartbeatSchema = z
  .object({
    sequence: z.int().nonnegative(),
    sentAtMs: z.int().describe("the sender's clock"),
    phase: z.string().max(100).describe('the step that the source is at'),
    replications: z
      .array(
        z.object({ slot: z.string(), state: z.string(), outOfSyncBytes: z.int().nonnegative() }),
      )
      .max(64),
    bytesPerSecondMax: bytesPerSecondMaxSchema
      .optional()
      .describe("limit of copying each disk: with some providers it is the destination's to keep"),
  })
  .meta({ id: 'Heartbeat' })
export type Heartbeat = z.infer<typeof heartbeatSchema>

export const heartbeatAnswerSchema = z
  .object({
    sequence: z.int().nonnegative(),
    receivedAtMs: z.int().describe("the receiver's clock"),
    state: receiverStateSchema,
    reason: z.string().max(500).nullable().default(null).describe('why it has given up'),
  })
  .meta({ id: 'HeartbeatAnswer' })
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswerSchema>

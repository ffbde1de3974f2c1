import { z } from 'zod'

const latencyUsSchema = z
  .int()
  .nonnegative()
  .nullable()
  .default(null)
  .describe('null: not known, or nothing was written')

/** Mean time of the guest's writes on one disk, as it waited for them. */
export const writeLatencySchema = z.object({
  nowUs: latencyUsSchema.describe('in the last interval of the heartbeat'),
  beforeUs: latencyUsSchema.describe('since the VM, or on Xen its device, came to the source'),
  duringUs: latencyUsSchema.describe('from before the mirror until the VM paused'),
  afterUs: latencyUsSchema.describe('at the destination, once the mirror was out'),
})
export type WriteLatency = z.infer<typeof writeLatencySchema>

export const unknownWriteLatency: WriteLatency = writeLatencySchema.parse({})

/** How many writes of the guest's have ended on a disk, and how long all of them took together. */
export const diskWritesSchema = z
  .object({
    slot: z.string(),
    count: z.int().nonnegative(),
    tookUs: z.int().nonnegative().describe('microseconds'),
  })
  .meta({ id: 'DiskWrites' })
export type DiskWrites = z.infer<typeof diskWritesSchema>

const nothing: Omit<DiskWrites, 'slot'> = { count: 0, tookUs: 0 }

/** Mean time of what was written between two counts; null where nothing was, or they are not of the same disk. */
export function meanUs(
  from: typeof nothing = nothing,
  to: typeof nothing = nothing,
): number | null {
  const count = to.count - from.count
  const tookUs = to.tookUs - from.tookUs
  return count > 0 && tookUs >= 0 ? Math.round(tookUs / count) : null
}

import { z } from 'zod'

/**
 * A VM's memory on its way, when a migration is done by hand, step by step:
 *
 *   sending -> paused -> forgotten   (it runs at the destination)
 *      |         |
 *      +---------+-----> ended       (it runs on here)
 */
export const sendingSchema = z
  .object({
    id: z.string(),
    vm: z.string(),
    state: z.enum(['sending', 'paused', 'forgotten', 'ended']),
    sentBytes: z.int().nonnegative(),
    totalBytes: z.int().nonnegative(),
    reason: z.string().nullable().describe('why it ended'),
  })
  .meta({ id: 'Sending' })
export type Sending = z.infer<typeof sendingSchema>

export const sendRequestSchema = z.object({
  url: z.url().describe("root of the destination's xapi"),
  receiver: z.string(),
  token: z.string(),
})
export type SendRequest = z.infer<typeof sendRequestSchema>

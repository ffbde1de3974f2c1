import { z } from 'zod'

export const emptySchema = z.object({})
export const healthSchema = z.object({ status: z.literal('ok'), apiVersion: z.string() })

/** Version of both daemons' APIs; two daemons work together when the first numbers are equal. */
export const apiVersion = '1.0'

/** Below it are all routes of both daemons. */
export const versionPath = '/v1'

/** Where the token of a receiver is, apart from the caller's own. */
export const receiverTokenHeader = 'crosspool-receiver-token'

export const leftoverSchema = z
  .object({
    kind: z.string(),
    name: z.string(),
    owner: z.string().describe('what it was made for'),
    reason: z.string().nullable().describe('why it is there; null: no reason, it may be removed'),
  })
  .meta({ id: 'Leftover' })
export type Leftover = z.infer<typeof leftoverSchema>

import { z } from 'zod'
import { errorDocumentSchema } from './operation.ts'

/** One time that a replica was to be brought up to date, and what came of it. */
export const refreshSchema = z.object({
  operation: z.string().nullable().describe('null: none was begun'),
  startedAtMs: z.int(),
  endedAtMs: z.int(),
  result: z
    .enum(['succeeded', 'failed', 'cancelled', 'skipped'])
    .describe('skipped: the VM did not run here, or was in use'),
  bytesReplicated: z.int().nonnegative(),
  error: errorDocumentSchema.nullable(),
})
export type Refresh = z.infer<typeof refreshSchema>

/** How a replica is kept up to date. */
export const refreshStatusSchema = z
  .object({
    everyMs: z.int(),
    state: z
      .enum(['waiting', 'refreshing', 'resting', 'stopped'])
      .describe(
        'waiting: for its time; resting: until the VM runs here again; stopped: the replica was dropped at the other host',
      ),
    nextAtMs: z
      .int()
      .nullable()
      .describe('past: as soon as the VM is free; null: it does not wait for a time'),
    operation: z.string().nullable().describe('the refresh that is under way'),
    failures: z.int().nonnegative().describe('one after the other, since the last that succeeded'),
    succeededAtMs: z.int().nullable().describe('since when the replica is as old as it is'),
    isOverdue: z
      .boolean()
      .describe('for more than two intervals none has succeeded, although the VM runs here'),
    last: refreshSchema.nullable(),
  })
  .meta({ id: 'RefreshStatus' })
export type RefreshStatus = z.infer<typeof refreshStatusSchema>

import { z } from 'zod'

/** What this host knows of who may run a VM, in words for whoever has to decide. */
export const ownershipSchema = z
  .object({
    vm: z.string(),
    name: z.string().nullable().describe('null: no VM of this UUID is here'),
    epoch: z.int().nonnegative(),
    state: z
      .enum(['owned', 'released', 'refused', 'arriving', 'starting', 'replica'])
      .describe(
        "owned: runs here or may; released: handed over, may not run here; refused: was offered and refused for good; arriving: still the source's; starting: has been told to run here; replica: belongs to the other host, and this one keeps replicas of its disks",
      ),
    settled: z.boolean().describe('false: something is still under way, or waits for a decision'),
    explanation: z.string(),
    decides: z.string().nullable().describe('what would settle it; null: nothing has to'),
    decisions: z
      .array(z.enum(['claim', 'it-ran', 'it-never-ran']))
      .describe('what an administrator may decide, with their eyes open'),
  })
  .meta({ id: 'Ownership' })
export type Ownership = z.infer<typeof ownershipSchema>

export const decisionSchema = z.object({
  decision: z.enum(['claim', 'it-ran', 'it-never-ran']),
  sure: z
    .literal(true)
    .describe('that you have looked at the other host; nobody else can tell any more'),
})
export type Decision = z.infer<typeof decisionSchema>

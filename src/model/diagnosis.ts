import { z } from 'zod'

const verdictSchema = z.object({
  result: z.enum(['passed', 'warning', 'failed']),
  seen: z.string().describe('what was found'),
  advice: z.string().nullable().describe('how to mend it; null: nothing has to be'),
})
/** What somebody who looked at one thing says of it. */
export type Verdict = Readonly<z.infer<typeof verdictSchema>>

const findingSchema = verdictSchema.extend({
  area: z.string().describe('daemons, hypervisor, ports, ...'),
  name: z.string().describe('what was looked at'),
})
export type Finding = Readonly<z.infer<typeof findingSchema>>

/** What `crosspool doctor` found on a host. */
export const diagnosisSchema = z.object({
  host: z.string(),
  version: z.string().describe('of Crosspool'),
  atMs: z.int(),
  healthy: z.boolean().describe('nothing failed; there may be warnings'),
  findings: z.array(findingSchema),
})
export type Diagnosis = z.infer<typeof diagnosisSchema>

export function passed(seen: string): Verdict {
  return { result: 'passed', seen, advice: null }
}

export function warning(seen: string, advice: string): Verdict {
  return { result: 'warning', seen, advice }
}

export function failed(seen: string, advice: string): Verdict {
  return { result: 'failed', seen, advice }
}

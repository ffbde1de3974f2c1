import { z } from 'zod'

/** How the SR's volumes are made. Which types a host offers is in the drivers' table. */
export const srSchema = z
  .object({
    id: z.string().describe('UUID; for a shared SR the same on every host that reaches it'),
    name: z.string().min(1),
    type: z.string().describe('the volume driver: lvm, file, shared, ...'),
    shared: z.boolean().describe('several hosts reach the same volumes: nothing to replicate'),
    canCreate: z.boolean().describe('volumes can be made in it: it can take in what is replicated'),
    configuration: z
      .record(z.string(), z.unknown())
      .describe('what the driver was given: for example {"volumeGroup":"vg0"}'),
    sizeBytes: z.int().nonnegative(),
    freeBytes: z.int().nonnegative(),
  })
  .meta({ id: 'Sr' })
export type Sr = z.infer<typeof srSchema>

export const srCreateSchema = z.object({
  id: z
    .uuid()
    .optional()
    .describe('give the same one on every host for a shared SR; otherwise one is made'),
  name: z.string().min(1).max(120),
  type: z.string(),
  configuration: z.record(z.string(), z.unknown()).default({}),
})
export type SrCreate = z.infer<typeof srCreateSchema>

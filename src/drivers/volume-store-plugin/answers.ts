import { z } from 'zod'

/** What plug-ins answer, as far as it is used. */
export const querySchema = z.object({
  plugin: z.string(),
  version: z.string(),
  required_api_version: z.string(),
  features: z.array(z.string()).default([]),
})

export const volumeSchema = z.object({
  key: z.string(),
  name: z.string(),
  description: z.string(),
  virtual_size: z.int().positive(),
  physical_utilisation: z.int().nonnegative(),
  uri: z.array(z.string()),
})
export type PluginVolume = z.infer<typeof volumeSchema>

export const volumesSchema = z.array(volumeSchema)

export const srStatSchema = z.object({
  free_space: z.int().nonnegative(),
  total_space: z.int().nonnegative(),
})

export const probeSchema = z.array(
  z.object({
    configuration: z.record(z.string(), z.string()),
    complete: z.boolean(),
    sr: z.object({ sr: z.string(), uuid: z.string().nullish() }).nullish(),
  }),
)

export const textSchema = z.string()
export const textsSchema = z.record(z.string(), z.string())
export const nothingSchema = z.unknown()

/** A variant is a name, or a name with what belongs to it. */
export const attachSchema = z.object({
  implementations: z.array(
    z.union([z.string(), z.tuple([z.string(), z.record(z.string(), z.unknown())])]),
  ),
})

export const failureSchema = z.object({
  code: z.string(),
  params: z.array(z.unknown()).default([]),
})

import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'
import { volumeFormatSchema } from '../../model/vdi.ts'

const fileConfigurationSchema = z.strictObject({
  directory: z.string().refine(isAbsolute, 'must be an absolute path'),
  /** Of the volumes that are made in it. */
  format: volumeFormatSchema.default('raw'),
})
export type FileConfiguration = z.infer<typeof fileConfigurationSchema>

/** @throws SR_UNUSABLE */
export function parseFileConfiguration(sr: string, configuration: unknown): FileConfiguration {
  const result = fileConfigurationSchema.safeParse(configuration)
  if (result.success) return result.data
  throw new CrosspoolError('SR_UNUSABLE', { sr, reason: z.prettifyError(result.error) })
}

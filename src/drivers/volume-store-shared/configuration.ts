import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'

const sharedConfigurationSchema = z.strictObject({
  /** Written the same way on every host: names that stay, such as /dev/disk/by-id/... */
  devices: z.array(z.string().refine(isAbsolute, 'must be an absolute path')).min(1),
})
export type SharedConfiguration = z.infer<typeof sharedConfigurationSchema>

/** @throws SR_UNUSABLE */
export function parseSharedConfiguration(sr: string, configuration: unknown): SharedConfiguration {
  const result = sharedConfigurationSchema.safeParse(configuration)
  if (result.success) return result.data
  throw new CrosspoolError('SR_UNUSABLE', { sr, reason: z.prettifyError(result.error) })
}

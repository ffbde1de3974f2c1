import { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'

const name = z.string().regex(/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]*$/, 'is not a valid LVM name')

const lvmConfigurationSchema = z.strictObject({
  volumeGroup: name,
  /** New volumes are thin ones in this pool of the group. */
  thinPool: name.optional(),
})
export type LvmConfiguration = z.infer<typeof lvmConfigurationSchema>

/** @throws SR_UNUSABLE */
export function parseLvmConfiguration(sr: string, configuration: unknown): LvmConfiguration {
  const result = lvmConfigurationSchema.safeParse(configuration)
  if (result.success) return result.data
  throw new CrosspoolError('SR_UNUSABLE', { sr, reason: z.prettifyError(result.error) })
}

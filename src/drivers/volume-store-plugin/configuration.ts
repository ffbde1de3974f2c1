import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'

const pluginConfigurationSchema = z.strictObject({
  /** Holds `volume/PLUG-IN/` and `datapath/SCHEME/`, each with one executable for a method. */
  root: z.string().refine(isAbsolute, 'must be an absolute path'),
  plugin: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/),
  /** The plug-in's own: what xapi calls device_config. */
  configuration: z.preprocess(readJsonText, z.record(z.string(), z.string())).default({}),
  /** Has the plug-in make its SR where it finds none. */
  create: z.boolean().default(false),
  /** SMAPIv3 does not say what is in a new volume; a mirror and a VM rely on zeroes. */
  zeroes: z.literal(true, 'must be true, and the new volumes of this plug-in read as zeroes'),
  shared: z.boolean().default(false),
})
export type PluginConfiguration = z.infer<typeof pluginConfigurationSchema>

/** On the command line a setting is a text. */
function readJsonText(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

/** @throws SR_UNUSABLE */
export function parsePluginConfiguration(sr: string, configuration: unknown): PluginConfiguration {
  const result = pluginConfigurationSchema.safeParse(configuration)
  if (result.success) return result.data
  throw new CrosspoolError('SR_UNUSABLE', { sr, reason: z.prettifyError(result.error) })
}

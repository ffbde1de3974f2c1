import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'

/**
 * Reads a daemon's configuration: the JSON file after `--config`, or the default one if it is
 * there; what it does not say has the schema's default. Ends with one clear message when it is wrong.
 */
export function loadConfiguration<Schema extends z.ZodObject>(
  schema: Schema,
  defaultFile: string,
): z.output<Schema> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  const text = readConfigurationFile(values.config ?? defaultFile, values.config !== undefined)
  const parsed = schema.safeParse(text)
  if (!parsed.success)
    throw new Error(`${values.config ?? defaultFile}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

function readConfigurationFile(file: string, mustExist: boolean): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (!mustExist && error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return {}
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

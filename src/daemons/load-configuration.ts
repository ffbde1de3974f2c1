import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { z } from 'zod'
import { parseConfiguration } from './parse-configuration.ts'

/**
 * Reads a daemon's configuration: the file after `--config`, or the default one if it is there; what
 * it does not say has the schema's default. Ends with one clear message when it is wrong.
 */
export function loadConfiguration<Schema extends z.ZodObject>(
  schema: Schema,
  defaultFile: string,
): z.output<Schema> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  const file = values.config ?? defaultFile
  const parsed = parseConfiguration(schema, readText(file, values.config !== undefined))
  if ('configuration' in parsed) return parsed.configuration
  throw new Error(parsed.problems.map((problem) => `${file}: ${problem}`).join('\n'))
}

function readText(file: string, mustExist: boolean): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (!mustExist && error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return '{}'
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

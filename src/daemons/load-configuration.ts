import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { z } from 'zod'
import { codeOf } from '../lib/error-code.ts'
import { type ParsedConfiguration, parseConfiguration } from './parse-configuration.ts'

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
  const parsed = readConfiguration(schema, file, values.config !== undefined)
  if ('configuration' in parsed) return parsed.configuration
  throw new Error(parsed.problems.map((problem) => `${file}: ${problem}`).join('\n'))
}

/** What a file says, and otherwise the defaults. A missing one is only wrong when it must exist. */
export function readConfiguration<Schema extends z.ZodObject>(
  schema: Schema,
  file: string,
  mustExist: boolean,
): ParsedConfiguration<z.output<Schema>> {
  return parseConfiguration(schema, readText(file, mustExist))
}

function readText(file: string, mustExist: boolean): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (!mustExist && codeOf(error) === 'ENOENT') return '{}'
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

import type { z } from 'zod'
import { CrosspoolError } from '../model/errors.ts'

const shownCharactersMax = 500

/** What a program printed as JSON. @throws COMMAND_FAILED when it is something else than it should be */
export function parseOutput<Schema extends z.ZodType>(
  schema: Schema,
  output: string,
  command: string,
): z.output<Schema> {
  const unexpected = (cause: unknown) => {
    const details = {
      command,
      how: 'unexpected output',
      output: output.slice(0, shownCharactersMax),
    }
    return new CrosspoolError('COMMAND_FAILED', details, cause)
  }
  let document: unknown
  try {
    document = JSON.parse(output)
  } catch (error) {
    throw unexpected(error)
  }
  const parsed = schema.safeParse(document)
  if (parsed.success) return parsed.data
  throw unexpected(parsed.error)
}

import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'

/** dmsetup's failures as errors of the table; everything else stays what it is. */
export function translate(error: unknown, name: string): unknown {
  if (!isCrosspoolError(error, 'COMMAND_FAILED')) return error
  const output = String(error.details.output ?? '')
  if (/Device or resource busy|is in use|in use by another device/i.test(output))
    return new CrosspoolError(
      'BUSY',
      { kind: 'device', id: name, user: 'whoever has it open' },
      error,
    )
  return error
}

/** True for the answer to a question about a device that is not there. */
export function isMissing(output: string): boolean {
  return /No such device or address|Device does not exist|device .* not found/i.test(output)
}

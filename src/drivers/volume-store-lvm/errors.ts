import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'

/** LVM's own words for what the error table has a row for. */
const groupMissing =
  /Volume group "[^"]*" not found|Cannot process volume group|Invalid volume group name/
const volumeInUse = /in use|is used by another device|contains a filesystem in use/

export function isGroupMissing(error: unknown): boolean {
  return isCrosspoolError(error, 'COMMAND_FAILED') && groupMissing.test(outputOf(error))
}

/** The error for a command on a volume that somebody has open; any other error as it is. */
export function inUseError(error: unknown, id: string): unknown {
  if (!isCrosspoolError(error, 'COMMAND_FAILED') || !volumeInUse.test(outputOf(error))) return error
  const user = 'a process of this host that has its device open'
  return new CrosspoolError('BUSY', { kind: 'vdi', id, user }, error)
}

/** LVM's answer when another one took the space between our look and our act. */
export function isOutOfSpace(error: unknown): boolean {
  return (
    isCrosspoolError(error, 'COMMAND_FAILED') &&
    /insufficient free space|insufficient suitable/i.test(outputOf(error))
  )
}

export function unusable(sr: string, reason: string, cause?: unknown): CrosspoolError {
  return new CrosspoolError('SR_UNUSABLE', { sr, reason }, cause)
}

function outputOf(error: CrosspoolError): string {
  return String(error.details.output ?? '')
}

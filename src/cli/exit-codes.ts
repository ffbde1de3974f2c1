import type { ErrorCode } from '../model/errors.ts'

/** What a script sees of how it went. The numbers never change their meaning. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  preflightFailed: 3,
  cancelled: 4,
  unreachable: 5,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.done, 'done'],
  [exitCodes.failed, 'failed; the reason and what to do are on standard error'],
  [exitCodes.usage, 'the command line is wrong'],
  [exitCodes.preflightFailed, 'the VM cannot be migrated; nothing was changed'],
  [exitCodes.cancelled, 'cancelled; the VM runs where it ran'],
  [exitCodes.unreachable, 'a daemon or another host does not answer'],
  [exitCodes.interrupted, 'interrupted twice; the migration goes on without this command'],
]

export function exitCodeOf(code: ErrorCode): ExitCode {
  switch (code) {
    case 'PREFLIGHT_FAILED':
      return exitCodes.preflightFailed
    case 'CANCELLED':
      return exitCodes.cancelled
    case 'PEER_UNREACHABLE':
      return exitCodes.unreachable
    default:
      return exitCodes.failed
  }
}

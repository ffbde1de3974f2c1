import { isErrorCode } from '../../model/errors.ts'
import type { Operation } from '../../model/operation.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-codes.ts'
import { errorView } from '../views/error-view.ts'

export function exitCodeOfOutcome({ state, error }: Operation): ExitCode {
  if (state === 'succeeded') return exitCodes.done
  if (state === 'cancelled') return exitCodes.cancelled
  return error !== null && isErrorCode(error.code) ? exitCodeOf(error.code) : exitCodes.failed
}

export function tellError(context: CliContext, { error, state }: Operation): void {
  if (error !== null && state === 'failed') context.tell(errorView(error, context.style))
}

import { CrosspoolError } from '../../model/errors.ts'

export function streamFailed(reason: string, cause?: unknown): CrosspoolError {
  return new CrosspoolError('MEMORY_STREAM_FAILED', { reason }, cause)
}

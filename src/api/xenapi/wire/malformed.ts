import { CrosspoolError } from '../../../model/errors.ts'

/** A request that is none of the XenAPI's at all; what can be read is answered in its own format instead. */
export function malformed(reason: string): CrosspoolError {
  return new CrosspoolError('BAD_REQUEST', { reason })
}

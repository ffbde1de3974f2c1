import { hostname } from 'node:os'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { VmConfiguration } from '../../model/vm.ts'
import type { IncomingVm } from '../../ports/hypervisor.ts'

/**
 * xl says of a domain for which the host has not enough memory that a resource is busy. What it had built has gone
 * again by now, so the host has less than is needed only if it had too little before.
 */
export function tellingOfShortage(
  incoming: IncomingVm,
  { memoryBytes: neededBytes }: VmConfiguration,
  freeMemoryBytes: () => Promise<number>,
): IncomingVm {
  const ready = incoming.ready.catch(async (error: unknown) => {
    const freeBytes = await freeMemoryBytes().catch(() => neededBytes)
    if (freeBytes >= neededBytes || !isCrosspoolError(error, 'MEMORY_STREAM_FAILED')) throw error
    throw new CrosspoolError('MEMORY_SHORT', { host: hostname(), freeBytes, neededBytes }, error)
  })
  ready.catch(() => {})
  return { ...incoming, ready }
}

import { CrosspoolError } from '../../model/errors.ts'
import type { BlockSegment, BlockTable } from '../../ports/block-mapper.ts'

/**
 * Reads `dmsetup table NAME`. Devices stand as MAJOR:MINOR there.
 * @throws NOT_SUPPORTED for a target other than linear, error and zero
 */
export function parseTable(text: string): BlockTable {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(parseSegment)
}

function parseSegment(line: string): BlockSegment {
  const [start, sectors, target, ...parameters] = line.split(/\s+/)
  const range = { startSector: Number(start), sectors: Number(sectors) }
  if (Number.isSafeInteger(range.startSector) && Number.isSafeInteger(range.sectors)) {
    if (target === 'error' || target === 'zero') return { target, ...range }
    const [device, offset] = parameters
    if (target === 'linear' && device !== undefined && offset !== undefined)
      return { target, ...range, device, offsetSectors: Number(offset) }
  }
  throw new CrosspoolError('NOT_SUPPORTED', {
    what: `A device-mapper target ${target ?? ''}`,
    reason: 'only linear devices can be taken apart and put together again while they are in use',
  })
}

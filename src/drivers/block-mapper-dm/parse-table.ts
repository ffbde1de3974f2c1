import { CrosspoolError } from '../../model/errors.ts'
import type { BlockSegment, BlockTable } from '../../ports/block-mapper.ts'

/**
 * Reads `dmsetup table NAME`. Devices stand as MAJOR:MINOR there.
 * @throws NOT_SUPPORTED for a target other than linear, error, zero and our mirrors
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
    if (target === 'mirror') return { target, ...range, ...mirrored(parameters) }
    const [device, offset] = parameters
    if (target === 'linear' && device !== undefined && offset !== undefined)
      return { target, ...range, device, offsetSectors: Number(offset) }
  }
  throw notSupported(target)
}

/** `core 1 REGION 2 DEVICE 0 COPY 0 1 handle_errors`, as we make it and no other: pvmove makes more of them. */
function mirrored(parameters: readonly string[]): {
  readonly device: string
  readonly copy: string
} {
  const line = parameters.join(' ')
  const match = /^core 1 \d+ 2 (\S+) 0 (\S+) 0 1 handle_errors$/.exec(line)
  const [, device, copy] = match ?? []
  if (device === undefined || copy === undefined) throw notSupported(`mirror ${line}`)
  return { device, copy }
}

function notSupported(target: string | undefined): CrosspoolError {
  return new CrosspoolError('NOT_SUPPORTED', {
    what: `A device-mapper target ${target ?? ''}`,
    reason: 'only linear devices can be taken apart and put together again while they are in use',
  })
}

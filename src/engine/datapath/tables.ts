import type { BlockMapper, BlockSegment, BlockTable } from '../../ports/block-mapper.ts'

/**
 * The same table with so much of another device behind it. A `zero` target would do, but a device
 * with one in its table takes no discards: the guest's would be refused, and nothing stay sparse.
 */
export function extendTable(
  table: BlockTable,
  device: string | null,
  sizeBytes: number,
): BlockTable {
  if (device === null) return table
  const startSector = table.reduce((sum, segment) => sum + segment.sectors, 0)
  const beyond = { startSector, sectors: sizeBytes / 512, device, offsetSectors: 0 }
  return [...table, { target: 'linear', ...beyond }]
}

export function isSameTable(one: BlockTable, other: BlockTable): boolean {
  return one.length === other.length && one.every((segment, i) => isSame(segment, other[i]))
}

function isSame(one: BlockSegment, other: BlockSegment | undefined): boolean {
  if (one.target !== other?.target) return false
  if (one.startSector !== other.startSector || one.sectors !== other.sectors) return false
  if (one.target === 'linear' && other.target === 'linear')
    return one.device === other.device && one.offsetSectors === other.offsetSectors
  if (one.target === 'mirror' && other.target === 'mirror')
    return one.device === other.device && one.copy === other.copy
  return true
}

export function isErrorTable(table: BlockTable): boolean {
  return table.length > 0 && table.every(({ target }) => target === 'error')
}

export function leadsTo(table: BlockTable, isDevice: (path: string) => boolean): boolean {
  return table.some((segment) => segment.target === 'linear' && isDevice(segment.device))
}

/** Exchanges the table of a device in use in one step: what is in flight drains through the old one. */
export async function switchTable(
  blockMapper: BlockMapper,
  name: string,
  table: BlockTable,
): Promise<void> {
  const found = await blockMapper.inspect(name)
  if (found !== null && !found.isSuspended && isSameTable(found.table, table))
    return blockMapper.clear(name)
  await blockMapper.load(name, table)
  await blockMapper.resume([name])
}

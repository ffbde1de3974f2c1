import type { BlockMirrorState } from '../../ports/block-mapper.ts'

/** Reads `dmsetup info --columns --noheadings --separator ' ' -o suspended,open NAME`. */
export function parseInfo(text: string): { isSuspended: boolean; openCount: number } | null {
  const match = /^(Active|Suspended) (\d+)$/.exec(text.trim())
  if (!match) return null
  return { isSuspended: match[1] === 'Suspended', openCount: Number(match[2]) }
}

/** Reads `dmsetup info --columns --noheadings -o name`. */
export function parseNames(text: string): string[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return lines.length === 1 && lines[0] === 'No devices found' ? [] : lines
}

/**
 * Reads `dmsetup status NAME` of a mirror: `0 8192 mirror 2 254:0 254:1 8/16 1 AA 1 core`. A letter for
 * each device; anything but A is a device that has failed. Null where the table is another.
 */
export function parseMirrorStatus(text: string): BlockMirrorState | null {
  const match = /^0 \d+ mirror 2 \S+ \S+ (\d+)\/(\d+) 1 (\w+)\b/.exec(text.trim())
  if (!match) return null
  const [, copied, all, health] = match
  return { copiedFraction: Number(copied) / Number(all), isHealthy: health === 'AA' }
}

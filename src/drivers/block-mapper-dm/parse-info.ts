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

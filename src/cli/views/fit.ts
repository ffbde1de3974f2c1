import { stripVTControlCharacters } from 'node:util'

/** As much of the text as fits; null: all of it. */
export function cut(text: string, width: number | null): string {
  const characters = [...text]
  if (width === null || characters.length <= width) return text
  return `${characters.slice(0, Math.max(0, width - 1)).join('')}…`
}

/** The parts on one line, without those at the end that do not fit; the first one is always there. */
export function fitParts(parts: readonly string[], width: number | null, separator = '  '): string {
  const [first = '', ...others] = parts
  let line = first
  for (const part of others) {
    const longer = `${line}${separator}${part}`
    if (width !== null && visibleWidth(longer) > width) break
    line = longer
  }
  return line
}

/** The parts on as many lines as they need. */
export function wrapParts(
  parts: readonly string[],
  width: number | null,
  separator = '  ',
): string {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    const longer = `${last}${separator}${part}`
    if (last !== undefined && (width === null || visibleWidth(longer) <= width))
      lines[lines.length - 1] = longer
    else lines.push(part)
  }
  return lines.join('\n')
}

/** Without what only colours it. */
export function visibleWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length
}

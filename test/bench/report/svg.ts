export interface Picture {
  /** For who cannot see it, too. */
  readonly title: string
  readonly width: number
  readonly height: number
  readonly parts: readonly string[]
}

/** Distinct for most eyes, also in grey: after Okabe and Ito. */
export const colours = [
  ...['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#999999'],
] as const

export const colourAt = (index: number): string => colours[index % colours.length] ?? '#000000'

export function svg({ title, width, height, parts }: Picture): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`
  const font = 'font-family="DejaVu Sans, sans-serif" font-size="12"'
  const ground = rectangle({ x: 0, y: 0, width, height }, '#ffffff')
  const all = [`<title>${escaped(title)}</title>`, ground, text(20, 22, title), ...parts]
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" ${size} ${font}>\n${all.join('\n')}\n</svg>\n`
}

export function text(
  x: number,
  y: number,
  words: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(words)}</text>`
}

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export function rectangle({ x, y, width, height }: Box, fill: string, title = ''): string {
  const place = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`
  const tip = title === '' ? '' : `<title>${escaped(title)}</title>`
  return `<rect ${place} fill="${fill}">${tip}</rect>`
}

export function polyline(
  points: readonly (readonly [number, number])[],
  stroke: string,
  width = 2,
): string {
  const places = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')
  return `<polyline points="${places}" fill="none" stroke="${stroke}" stroke-width="${width}"/>`
}

/** What each colour means, in rows that fit. */
export function legend(names: readonly string[], y: number, width: number): readonly string[] {
  const columnWidth = 150
  const columns = Math.max(1, Math.floor(width / columnWidth))
  return names.flatMap((name, index) => {
    const x = 20 + (index % columns) * columnWidth
    const top = y + Math.floor(index / columns) * 18
    return [
      rectangle({ x, y: top, width: 10, height: 10 }, colourAt(index)),
      text(x + 15, top + 10, name),
    ]
  })
}

/** 1, 2 or 5 times a power of ten, so that there are four to ten of them. */
export function ticks(max: number): readonly number[] {
  if (max <= 0) return [0]
  const power = 10 ** Math.floor(Math.log10(max))
  const step = [power / 5, power / 2, power].find((one) => max / one <= 8) ?? power * 2
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, index) => round(index * step))
}

const round = (value: number): number => Number(value.toFixed(2))

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

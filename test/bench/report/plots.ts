import { colourAt, legend, polyline, rectangle, svg, text, ticks } from './svg.ts'

const width = 720
const left = 110
const right = 20
const plotWidth = width - left - right

export interface Line {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface LinePlot {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly lines: readonly Line[]
}

/** Both axes begin at zero, so that twice as much looks like twice as much. */
export function linePlot({ title, xLabel, yLabel, lines }: LinePlot): string {
  const [top, plotHeight] = [50, 260]
  const points = lines.flatMap((line) => line.points)
  const xMax = Math.max(1, ...points.map(({ x }) => x))
  const yMax = Math.max(1, ...points.map(({ y }) => y))
  const across = (x: number) => left + (x / xMax) * plotWidth
  const up = (y: number) => top + plotHeight - (y / yMax) * plotHeight
  const names = lines.map(({ name }) => name)
  return svg({
    ...{ title, width, height: top + plotHeight + 75 },
    parts: [
      text(20, 40, yLabel),
      text(width - right, top + plotHeight + 34, xLabel, 'end'),
      ...ticks(yMax).flatMap((tick) => [
        polyline(
          [
            [left, up(tick)],
            [width - right, up(tick)],
          ],
          '#dddddd',
          1,
        ),
        text(left - 6, up(tick) + 4, String(tick), 'end'),
      ]),
      ...ticks(xMax).map((tick) =>
        text(across(tick), top + plotHeight + 18, String(tick), 'middle'),
      ),
      ...lines.flatMap(({ points: own }, index) => [
        polyline(
          own.map(({ x, y }) => [across(x), up(y)] as const),
          colourAt(index),
        ),
        ...own.map(({ x, y }) =>
          rectangle({ x: across(x) - 3, y: up(y) - 3, width: 6, height: 6 }, colourAt(index)),
        ),
      ]),
      ...legend(names, top + plotHeight + 45, width),
    ],
  })
}

export interface Bar {
  readonly name: string
  readonly segments: readonly { readonly name: string; readonly value: number }[]
}

export interface BarPlot {
  readonly title: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

/** One bar beneath the other; what has the same name has the same colour in all of them. */
export function stackedBars({ title, unit, bars }: BarPlot): string {
  const [top, rowHeight] = [40, 40]
  const names = [...new Set(bars.flatMap(({ segments }) => segments.map(({ name }) => name)))]
  const max = Math.max(1, ...bars.map(lengthOf))
  const across = (value: number) => left + (value / max) * plotWidth
  const bottom = top + bars.length * rowHeight
  const legendRows = Math.ceil(names.length / Math.floor(width / 150))
  return svg({
    ...{ title: `${title} (${unit})`, width, height: bottom + 40 + legendRows * 18 },
    parts: [
      ...ticks(max).flatMap((tick) => [
        polyline(
          [
            [across(tick), top],
            [across(tick), bottom],
          ],
          '#dddddd',
          1,
        ),
        text(across(tick), bottom + 16, String(tick), 'middle'),
      ]),
      ...bars.flatMap(({ name, segments }, row) => {
        let from = 0
        const y = top + row * rowHeight + 8
        return [
          text(left - 6, y + 16, name, 'end'),
          ...segments.map(({ name: part, value }) => {
            const x = across(from)
            from += value
            const box = { x, y, width: across(from) - x, height: rowHeight - 16 }
            const tip = `${part}: ${value.toFixed(1)} ${unit}`
            return rectangle(box, colourAt(names.indexOf(part)), tip)
          }),
        ]
      }),
      ...legend(names, bottom + 28, width),
    ],
  })
}

const lengthOf = ({ segments }: Bar): number => segments.reduce((sum, { value }) => sum + value, 0)

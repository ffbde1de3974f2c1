import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import type { Line } from '../views/samples.ts'
import { clockTime } from '../views/times.ts'
import { useStore } from './use-store.ts'

const heightPx = 230
const colours = ['--line-1', '--line-2', '--line-3', '--line-4'] as const

interface LinePlotProps {
  readonly title: string
  readonly timesMs: readonly number[]
  readonly lines: readonly Line[]
  readonly text: (value: number) => string
  /** The scale ends no lower. */
  readonly smallestTop: number
  /** What is worth saying beside the last value of each line. */
  readonly remark?: string
}

/** Lines over the time of day. */
export function LinePlot({ title, timesMs, lines, text, smallestTop, remark = '' }: LinePlotProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const { theme } = useStore()
  const labels = lines.map(({ label }) => label)
  const shape = `${theme.value} ${labels.join(' ')}`
  const data: UPlot.AlignedData = [
    timesMs.map((atMs) => atMs / 1_000),
    ...lines.map(({ values }) => [...values]),
  ]

  // Made anew only when its lines or colours change.
  useEffect(() => {
    const element = place.current
    if (!element) return
    const made = new UPlot(optionsOf(element, { labels, text, smallestTop }), data, element)
    plot.current = made
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: heightPx }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [shape])

  useEffect(() => plot.current?.setData(data), [data])

  const lastOf = ({ label, values }: Line) => {
    const last = values.at(-1)
    return `${label} ${typeof last === 'number' ? text(last) : 'nothing'}`
  }
  const id = title.replaceAll(' ', '-').toLowerCase()
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <div
        ref={place}
        class="plot"
        role="img"
        aria-label={`${title} over time; at last ${[...lines.map(lastOf), ...(remark ? [remark] : [])].join(', ')}`}
      />
    </section>
  )
}

interface PlotShape extends Pick<LinePlotProps, 'text' | 'smallestTop'> {
  readonly labels: readonly string[]
}

function optionsOf(element: HTMLElement, { labels, text, smallestTop }: PlotShape): UPlot.Options {
  const colour = (name: string) => colourOf(element, name)
  const grid = { stroke: colour('--line'), width: 1 }
  const font = '11px system-ui, sans-serif'
  const axis = { stroke: colour('--quiet'), grid, ticks: grid, font }
  const series = labels.map((label, index) => ({
    label,
    stroke: colour(colours[index % colours.length] ?? '--line-1'),
    width: 2,
    // What ended in no interval is still waited for: the line leads on to when it has.
    spanGaps: true,
    points: { show: false },
  }))
  return {
    width: element.clientWidth,
    height: heightPx,
    cursor: { y: false },
    legend: { live: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max((max ?? 0) * 1.15, smallestTop)] } },
    axes: [
      {
        ...axis,
        space: 80,
        values: (_, values) => values.map((value) => clockTime(value * 1_000)),
      },
      { ...axis, size: 78, values: (_, values) => values.map(text) },
    ],
    series: [{}, ...series],
  }
}

/** A canvas does not know the page's variables. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${name})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

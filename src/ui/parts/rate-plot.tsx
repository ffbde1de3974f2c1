import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import { bytes, rate } from '../../lib/quantities.ts'
import { MiB } from '../../lib/units.ts'
import type { Sample } from '../views/samples.ts'
import { clockTime } from '../views/times.ts'
import { useStore } from './use-store.ts'

const heightPx = 230
const colours = ['--line-1', '--line-2', '--line-3', '--line-4'] as const

/** How fast each disk and the memory went across, and what was still to be copied. */
export function RatePlot({ samples }: { samples: readonly Sample[] }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const { theme } = useStore()
  const slots = Object.keys(samples.at(-1)?.diskRates ?? {})
  const shape = `${theme.value} ${slots.join(' ')}`
  const data = dataOf(samples, slots)

  // Made anew only when its lines or colours change.
  useEffect(() => {
    const element = place.current
    if (!element) return
    const made = new UPlot(optionsOf(element, slots), data, element)
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

  const last = samples.at(-1)
  return (
    <section class="panel" aria-labelledby="rates">
      <h2 id="rates">Rates</h2>
      <div
        ref={place}
        class="plot"
        role="img"
        aria-label={`Rates over time; at last ${slots.map((slot) => `${slot} ${rate(last?.diskRates[slot] ?? 0)}`).join(', ')}, ${bytes(last?.outOfSyncBytes ?? 0)} out of sync`}
      />
    </section>
  )
}

function dataOf(samples: readonly Sample[], slots: readonly string[]): UPlot.AlignedData {
  return [
    samples.map(({ atMs }) => atMs / 1_000),
    ...slots.map((slot) => samples.map(({ diskRates }) => diskRates[slot] ?? null)),
    samples.map(({ memoryRate }) => memoryRate),
  ]
}

function optionsOf(element: HTMLElement, slots: readonly string[]): UPlot.Options {
  const colour = (name: string) => colourOf(element, name)
  const text = colour('--quiet')
  const grid = { stroke: colour('--line'), width: 1 }
  const axis = { stroke: text, grid, ticks: grid, font: '11px system-ui, sans-serif' }
  const series = [...slots, 'memory'].map((label, index) => ({
    label,
    stroke: colour(colours[index % colours.length] ?? '--line-1'),
    width: 2,
    points: { show: false },
  }))
  return {
    width: element.clientWidth,
    height: heightPx,
    cursor: { y: false },
    legend: { live: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.15, MiB)] } },
    axes: [
      {
        ...axis,
        space: 80,
        values: (_, values) => values.map((value) => clockTime(value * 1_000)),
      },
      { ...axis, size: 78, values: (_, values) => values.map((value) => rate(value)) },
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

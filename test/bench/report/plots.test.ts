import { expect, it } from 'vitest'
import { linePlot, stackedBars } from './plots.ts'
import { ticks } from './svg.ts'

/** Of what has this colour, in the order of the picture. */
function widths(picture: string, colour: string): readonly number[] {
  const boxes = picture.matchAll(new RegExp(`width="([\\d.]+)" height="24" fill="${colour}"`, 'g'))
  return [...boxes].map(([, width]) => Number(width))
}

it('ticks are round numbers, and few', () => {
  expect(ticks(7)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(ticks(950)).toEqual([0, 200, 400, 600, 800])
  expect(ticks(0.25)).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25])
  expect(ticks(0)).toEqual([0])
})

it('the parts of a bar are as long as what they stand for', () => {
  const segments = [
    { name: 'memory', value: 30 },
    { name: 'release', value: 10 },
  ]
  const bars = [
    { name: 'ours', segments },
    { name: 'theirs', segments: [{ name: 'memory', value: 80 }] },
  ]
  const picture = stackedBars({ title: 'Blackout', unit: 'ms', bars })
  const [ours = 0, theirs = 0] = widths(picture, '#0072b2')
  const [release = 0] = widths(picture, '#e69f00')
  expect(theirs / ours).toBeCloseTo(80 / 30, 1)
  expect(ours / release).toBeCloseTo(3, 1)
})

it('lines begin at zero on both axes', () => {
  const points = [
    { x: 50, y: 100 },
    { x: 100, y: 200 },
  ]
  const picture = linePlot({
    ...{ title: 'Time', xLabel: 'MiB', yLabel: 'ms' },
    lines: [{ name: 'ours', points }],
  })
  // Twice as far from the origin, which is at 110, 310.
  expect(picture).toContain('points="405,180 700,50"')
})

it('names with signs of markup stay names', () => {
  const bars = [{ name: 'a < b & c', segments: [] }]
  expect(stackedBars({ title: 'x', unit: 'ms', bars })).toContain('a &lt; b &amp; c')
})

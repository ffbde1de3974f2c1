import { expect, it } from 'vitest'
import { metric } from './metric.ts'

it('a goal is met at its limit, and not beyond', () => {
  expect(metric('a', 1.05, 'ratio', { atMost: 1.05 })).toMatchObject({ met: true })
  expect(metric('a', 1.051, 'ratio', { atMost: 1.05 })).toMatchObject({
    ...{ met: false, goal: 'at most 1.05' },
  })
  expect(metric('a', 0.89, 'ratio', { atLeast: 0.9 })).toMatchObject({ met: false })
})

it('rounding does not make a goal met', () => {
  const { value, met } = metric('a', 1.050001, 'ratio', { atMost: 1.05 })
  expect({ value, met }).toEqual({ value: 1.05, met: false })
})

it('a figure without a goal is neither met nor missed', () => {
  expect(metric('a', 12.3456, 'ms')).toEqual({ name: 'a', value: 12.35, unit: 'ms' })
})

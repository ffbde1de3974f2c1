import { expect, it } from 'vitest'
import { goalsOf, metric } from './metric.ts'

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

it('goals are told by name, with what would be better', () => {
  const metrics = [
    metric('blackout', 1.2, 'ratio', { atMost: 1.05 }),
    metric('throughput', 0.95, 'ratio', { atLeast: 0.9 }),
    metric('time', 12, 'ms'),
  ]
  expect(goalsOf(metrics)).toEqual({
    blackout: { value: 1.2, goal: 1.05, better: 'lower', met: false },
    throughput: { value: 0.95, goal: 0.9, better: 'higher', met: true },
  })
})

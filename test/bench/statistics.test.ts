import { expect, it } from 'vitest'
import { median, percentile } from './statistics.ts'

it('the median does not mind the order, nor a single outlier', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([5, 5, 5, 9_000])).toBe(5)
  expect(median([7])).toBe(7)
})

it('a percentile lies between the values next to it', () => {
  const values = Array.from({ length: 101 }, (_, index) => 100 - index)
  expect(percentile(values, 0)).toBe(0)
  expect(percentile(values, 99)).toBe(99)
  expect(percentile(values, 100)).toBe(100)
  expect(percentile([0, 10], 25)).toBe(2.5)
})

it('nothing measured has no median', () => {
  expect(() => median([])).toThrow('no values')
})

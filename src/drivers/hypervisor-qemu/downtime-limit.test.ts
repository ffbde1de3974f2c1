import { expect, it } from 'vitest'
import { downtimeLimitMs } from './downtime-limit.ts'

it('begins low, and is what was wanted after passes that did not reach it', () => {
  const passes = Array.from({ length: 9 }, (_, pass) => pass)
  const limits = passes.map((pass) => downtimeLimitMs(pass))
  expect(limits).toEqual([30, 30, 30, 30, 120, 300, 300, 300, 300])
  expect(passes.map((pass) => downtimeLimitMs(pass, 100)).at(-1)).toBe(100)
})

it('is never above what was wanted', () => {
  expect(downtimeLimitMs(0, 10)).toBe(10)
  expect(downtimeLimitMs(1_000, 10)).toBe(10)
})

import { expect, test } from 'vitest'
import { healthyShape, Shaper, seededRandom } from './shaper.ts'

test('bandwidth spaces frames and drops what would wait too long', () => {
  const shaper = new Shaper(seededRandom(1))
  shaper.shape = { ...healthyShape, bytesPerSecond: 10_000 }
  expect(shaper.pass(0, 1000)).toBe(100)
  expect(shaper.pass(0, 1000)).toBe(200)
  expect(shaper.pass(0, 1000)).toBe(300)
  expect(shaper.pass(0, 1000)).toBeUndefined()
  expect(shaper.pass(1000, 1000)).toBe(1100)
})

test('loss is as frequent as asked for, and the same for the same seed', () => {
  const lostOf = (seed: number): number => {
    const shaper = new Shaper(seededRandom(seed))
    shaper.shape = { ...healthyShape, lossPercent: 20 }
    const fates = Array.from({ length: 10_000 }, () => shaper.pass(0, 100))
    return fates.filter((fate) => fate === undefined).length
  }
  expect(lostOf(7)).toBe(lostOf(7))
  expect(Math.abs(lostOf(7) - 2000)).toBeLessThan(200)
})

test('delay adds up with nothing else', () => {
  const shaper = new Shaper(seededRandom(1))
  expect(shaper.isHealthy).toBe(true)
  shaper.shape = { ...healthyShape, delayMs: 30 }
  expect(shaper.isHealthy).toBe(false)
  expect(shaper.pass(5, 1500)).toBe(35)
})

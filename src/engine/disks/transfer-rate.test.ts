import { expect, it } from 'vitest'
import { TransferRateMeter } from './transfer-rate.ts'

it('tells speed and time left of a steady transfer', () => {
  const meter = new TransferRateMeter()
  const total = 100_000
  let rate = meter.add({ atMs: 0, sentBytes: 0, remainingBytes: total })
  expect(rate).toEqual({ bytesPerSecond: 0, etaMs: null })
  for (let second = 1; second <= 5; second += 1) {
    const sentBytes = second * 10_000
    rate = meter.add({ atMs: second * 1000, sentBytes, remainingBytes: total - sentBytes })
  }
  expect(rate).toEqual({ bytesPerSecond: 10_000, etaMs: 5000 })
})

it('follows a change slowly and is not thrown by samples that come in a burst', () => {
  const meter = new TransferRateMeter()
  meter.add({ atMs: 0, sentBytes: 0, remainingBytes: 1000_000 })
  meter.add({ atMs: 1000, sentBytes: 1000, remainingBytes: 999_000 })
  const burst = meter.add({ atMs: 1001, sentBytes: 100_000, remainingBytes: 900_000 })
  expect(burst.bytesPerSecond).toBe(1000)
  const faster = meter.add({ atMs: 2000, sentBytes: 101_000, remainingBytes: 899_000 })
  expect(faster.bytesPerSecond).toBeGreaterThan(10_000)
  expect(faster.bytesPerSecond).toBeLessThan(50_000)
})

it('is never negative when the counters begin anew or more becomes out of sync', () => {
  const meter = new TransferRateMeter()
  meter.add({ atMs: 0, sentBytes: 5000, remainingBytes: 100 })
  const rate = meter.add({ atMs: 1000, sentBytes: 0, remainingBytes: 5000 })
  expect(rate).toEqual({ bytesPerSecond: 0, etaMs: null })
})

import { expect, it } from 'vitest'
import type { Observation } from '../lab/network/guest-report.ts'
import { anatomyOf, blackoutOf, latenciesUs } from './blackout.ts'

function heard(arrivedMs: number, host: string, acknowledged = 1, lastWriteUs = 100): Observation {
  const counters = { slots: 8, acknowledged, issued: acknowledged, errors: 0, slowestWriteUs: 900 }
  const disks = [{ disk: 'vda', number: 0, ...counters, lastWriteUs }]
  const report = { guest: 'g', boot: 'b', tick: 1, nowNs: 1, kernelErrors: 0, disks }
  return { arrivedMs, host, report }
}

it('the blackout is the silence between the two sides, not a longer one elsewhere', () => {
  const observations = [heard(0, 'a'), heard(500, 'a'), heard(600, 'b'), heard(2_000, 'b')]
  expect(blackoutOf(observations)).toEqual({ beganMs: 500, endedMs: 600 })
})

it('a guest that has not moved has no blackout', () => {
  expect(() => blackoutOf([heard(0, 'a'), heard(5, 'a')])).toThrow('both sides')
  expect(() => blackoutOf([])).toThrow('both sides')
})

it('the parts of a span add up to it', () => {
  const marks = [
    { name: 'memory', atMs: 0 },
    { name: 'release', atMs: 120 },
    { name: 'take', atMs: 150 },
    { name: 'later', atMs: 900 },
  ]
  expect(anatomyOf({ beganMs: 100, endedMs: 200 }, marks)).toEqual([
    { name: 'memory', ms: 20 },
    { name: 'release', ms: 30 },
    { name: 'take', ms: 50 },
  ])
})

it('each write counts once, however often it is told of', () => {
  const observations = [heard(1, 'a', 1, 10), heard(2, 'a', 2, 20), heard(3, 'a', 2, 20)]
  expect(latenciesUs(observations, { beganMs: 0, endedMs: 9 })).toEqual([10, 20])
  expect(latenciesUs(observations, { beganMs: 2, endedMs: 9 })).toEqual([20])
})

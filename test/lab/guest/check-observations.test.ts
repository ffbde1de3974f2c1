import { expect, test } from 'vitest'
import type { Observation } from '../network/guest-report.ts'
import { diskExpectations, guestErrors, lifeProblems, longestGap } from './check-observations.ts'

interface Seen {
  readonly atMs: number
  readonly tick: number
  readonly host?: string
  readonly boot?: string
  readonly acknowledged?: number
  readonly errors?: number
  readonly kernelErrors?: number
}

function observation(seen: Seen): Observation {
  const acknowledged = seen.acknowledged ?? seen.tick
  const counters = { acknowledged, issued: acknowledged + 1, errors: seen.errors ?? 0 }
  return {
    arrivedMs: seen.atMs,
    host: seen.host ?? 'alpha1',
    report: {
      guest: 'one',
      boot: seen.boot ?? 'a',
      tick: seen.tick,
      nowNs: seen.atMs * 1e6,
      kernelErrors: seen.kernelErrors ?? 0,
      disks: [
        { disk: 'xvda', number: 0, slots: 8, ...counters, slowestWriteUs: 900, lastWriteUs: 300 },
      ],
    },
  }
}

test('a guest that moved once has no problem', () => {
  const log = [
    observation({ atMs: 0, tick: 1 }),
    observation({ atMs: 20, tick: 2 }),
    observation({ atMs: 900, tick: 3, host: 'beta1' }),
  ]
  expect(lifeProblems(log)).toEqual([])
  expect(diskExpectations(log)).toEqual([
    { guest: 'one', number: 0, slots: 8, acknowledged: 3, issued: 4 },
  ])
})

test('a guest that runs in two places is found', () => {
  const log = [
    observation({ atMs: 0, tick: 7 }),
    observation({ atMs: 10, tick: 8, host: 'beta1' }),
    observation({ atMs: 11, tick: 8 }),
  ]
  expect(lifeProblems(log)).toEqual(['tick 8 from alpha1 after tick 8 from beta1'])
})

test('a life that goes on after a later boot is found', () => {
  const log = [
    observation({ atMs: 0, tick: 7 }),
    observation({ atMs: 10, tick: 1, boot: 'b', host: 'beta1' }),
    observation({ atMs: 11, tick: 8 }),
  ]
  expect(lifeProblems(log)).toEqual(['boot a was heard on alpha1 after a later boot had begun'])
})

test('acknowledgements that go back are found', () => {
  const log = [
    observation({ atMs: 0, tick: 7, acknowledged: 50 }),
    observation({ atMs: 9, tick: 8, acknowledged: 49 }),
  ]
  expect(lifeProblems(log)).toEqual(['xvda went back from 50 to 49'])
})

test('errors of all boots add up', () => {
  const log = [
    observation({ atMs: 0, tick: 1, errors: 1 }),
    observation({ atMs: 1, tick: 2, errors: 2, kernelErrors: 1 }),
    observation({ atMs: 2, tick: 1, boot: 'b', kernelErrors: 4 }),
  ]
  expect(guestErrors(log)).toBe(7)
})

test('the longest gap counts the edges of the window', () => {
  const log = [observation({ atMs: 100, tick: 1 }), observation({ atMs: 130, tick: 2 })]
  expect(longestGap(log, 90, 140)).toEqual({ gapMs: 30, beginMs: 100, endMs: 130 })
  expect(longestGap(log, 90, 400)).toEqual({ gapMs: 270, beginMs: 130, endMs: 400 })
  expect(longestGap([], 0, 50).gapMs).toBe(50)
})

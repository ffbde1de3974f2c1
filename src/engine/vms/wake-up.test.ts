import { expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import { silentLog } from '../../ports/log.ts'
import { WakeUp } from './wake-up.ts'

const hourMs = 3_600_000

/** Looks are noted with when they were; each answers what is next in `answers`, then null. */
function looking(answers: (number | null | Error)[]) {
  const clock = createSimulatedClock()
  const looks: number[] = []
  const wakeUp = new WakeUp({ clock, log: silentLog }, async () => {
    looks.push(clock.monotonicMs())
    const answer = answers.shift() ?? null
    if (answer instanceof Error) throw answer
    return answer
  })
  return { clock, looks, wakeUp }
}

it('looks when it is asked to and at the times that were named, and at no others', async () => {
  const { clock, looks, wakeUp } = looking([5_000, 20_000])
  await clock.advance(hourMs)
  expect(looks).toEqual([])
  wakeUp.now()
  await clock.advance(hourMs)
  expect(looks).toEqual([hourMs, hourMs + 5_000, hourMs + 25_000])
  wakeUp.now()
  await clock.advance(hourMs)
  expect(looks).toHaveLength(4)
})

it('is asked while it waits for a time, and waits anew', async () => {
  const { clock, looks, wakeUp } = looking([60_000, 60_000])
  wakeUp.now()
  await clock.advance(10_000)
  wakeUp.now()
  wakeUp.now()
  await clock.advance(59_999)
  expect(looks).toEqual([0, 10_000])
  await clock.advance(1)
  expect(looks).toEqual([0, 10_000, 70_000])
})

it('looks again soon after a failure, and now and then at what is far away: clocks are set', async () => {
  const { clock, looks, wakeUp } = looking([new Error('made to fail'), 90 * 24 * hourMs, null])
  wakeUp.now()
  await clock.advance(2 * hourMs)
  expect(looks).toEqual([0, 30_000, 30_000 + hourMs])
})

it('looks no more once it is closed', async () => {
  const { clock, looks, wakeUp } = looking([1_000])
  wakeUp.now()
  await clock.advance(100)
  wakeUp.close()
  wakeUp.now()
  await clock.advance(hourMs)
  expect(looks).toEqual([0])
})

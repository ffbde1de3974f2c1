import { describe, expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import type { Operation } from '../../model/operation.ts'
import { Tasks } from './tasks.ts'
import { identities } from './view/identities.ts'

const minuteMs = 60_000

function open() {
  const clock = createSimulatedClock()
  return { clock, tasks: new Tasks({ clock, random: systemRandom }) }
}

function operation(change: Partial<Operation>): Operation {
  return {
    ...{ id: 'o', kind: 'migrate', subject: 'vm', state: 'running', progress: 0.5, steps: [] },
    ...{ details: {}, error: null, startedAtMs: 0, endedAtMs: null },
    ...change,
  }
}

describe('tasks of clients', () => {
  it('stay for 65 minutes after their end, and for a day without one', async () => {
    const { clock, tasks } = open()
    const ended = tasks.create('ended')
    tasks.create('pending')
    tasks.end(identities.task(ended.id).ref, 'success', { result: 'x' })
    const labels = () => tasks.list().map(({ label }) => label)
    await clock.advance(64 * minuteMs)
    expect(labels()).toEqual(['ended', 'pending'])
    await clock.advance(2 * minuteMs)
    expect(labels()).toEqual(['pending'])
    await clock.advance(24 * 60 * minuteMs)
    expect(labels()).toEqual([])
  })

  it('are a thousand at most: the oldest go', () => {
    const { tasks } = open()
    for (let number = 0; number < 1_005; number += 1) tasks.create(String(number))
    const labels = tasks.list().map(({ label }) => label)
    expect(labels.length).toBeLessThanOrEqual(1_000)
    expect(labels.at(-1)).toBe('1004')
  })
})

describe('operations as tasks', () => {
  it('are shown until a client removes them, or 65 minutes after their end', async () => {
    const { clock, tasks } = open()
    const running = operation({})
    const ended = operation({ state: 'succeeded', endedAtMs: clock.now() })
    expect(tasks.shows(running)).toBe(true)
    expect(() => tasks.hide(running)).toThrow('OPERATION_NOT_ALLOWED')
    expect(tasks.shows(ended)).toBe(true)
    tasks.hide(ended)
    expect(tasks.shows(ended)).toBe(false)
    const other = operation({ id: 'p', state: 'failed', endedAtMs: clock.now() })
    await clock.advance(66 * minuteMs)
    expect(tasks.shows(other)).toBe(false)
  })
})

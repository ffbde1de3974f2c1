import { describe, expect, it } from 'vitest'
import type { CallDescription } from './calls/describe-call.ts'
import { optional } from './calls/describe-call.ts'
import { XenApiFailure } from './failure.ts'
import { readArguments } from './read-arguments.ts'
import { bool, float, int, map, nothing, ref, set, string } from './types.ts'
import type { Plain } from './wire/plain.ts'

const call: CallDescription = {
  about: '',
  role: 'viewer',
  parameters: {
    size: int,
    live: bool,
    names: set(string),
    to: map(ref('VDI'), ref('SR')),
    late: optional(float, 7),
  },
  result: nothing,
}
const read = (...given: Plain[]) => readArguments('VM.x', call, given)

function failureOf(act: () => unknown): readonly string[] {
  try {
    act()
  } catch (error) {
    if (error instanceof XenApiFailure) return error.description
    throw error
  }
  throw new Error('it did not fail')
}

describe('parameters of a call', () => {
  it('are read by their order, and filled up where they may be left out', () => {
    const expected = { size: 1, live: true, names: ['a'], to: { a: 'b' } }
    expect(read(1, true, ['a'], { a: 'b' }, 2)).toEqual({ ...expected, late: 2 })
    expect(read(1, true, ['a'], { a: 'b' })).toEqual({ ...expected, late: 7 })
  })

  it('may have their numbers as texts, as XML-RPC carries them', () => {
    expect(read('1099511627776', false, [], {}, '60.1')).toMatchObject({
      size: 1_099_511_627_776,
      late: 60.1,
    })
  })

  it('too few or too many are counted without the session', () => {
    const mismatch = 'MESSAGE_PARAMETER_COUNT_MISMATCH'
    expect(failureOf(() => read(1))).toEqual([mismatch, 'VM.x', '4', '1'])
    expect(failureOf(() => read(1, true, [], {}, 1, 2))).toEqual([mismatch, 'VM.x', '4', '6'])
  })

  it.each<[string, Plain[]]>([
    ['size', ['many', true, [], {}]],
    ['size', [null, true, [], {}]],
    ['live', [1, 'true', [], {}]],
    ['names', [1, true, {}, {}]],
    ['names', [1, true, ['a', 1], {}]],
    ['to', [1, true, [], []]],
    ['to', [1, true, [], null]],
    ['to', [1, true, [], { a: {} }]],
  ])('%s of another type is refused', (name, given) => {
    expect(failureOf(() => read(...given))).toEqual(['FIELD_TYPE_ERROR', name])
  })
})

import { expect, test } from 'vitest'
import {
  parseInterval,
  parseMapping,
  parseSeconds,
  parseSetting,
  parseSize,
} from './parse-options.ts'
import { UsageError } from './usage-error.ts'

test.each([
  ['512', 512],
  ['10GiB', 10 * 1024 ** 3],
  ['10G', 10 * 1024 ** 3],
  ['1.5 t', 1.5 * 1024 ** 4],
  ['64mib', 64 * 1024 ** 2],
  ['3kb', 3 * 1024],
])('%s is %d bytes', (text, size) => expect(parseSize(text)).toBe(size))

test.each(['', '10X', '-1', '0', '1e9', 'GiB', '99999999T'])('%j is no size', (text) => {
  expect(() => parseSize(text)).toThrow(UsageError)
})

test('mappings add up; a lone destination is for the rest', () => {
  const first = parseMapping('xvda=fast')
  expect(parseMapping('bulk', first)).toEqual({ xvda: 'fast', '*': 'bulk' })
  expect(parseMapping('00:16:3e:00:00:01=lan')).toEqual({ '00:16:3e:00:00:01': 'lan' })
})

test.each(['=x', 'x=', ''])('%j is no mapping', (text) => {
  expect(() => parseMapping(text)).toThrow(UsageError)
})

test('nothing is mapped twice', () => {
  expect(() => parseMapping('a=b', { a: 'c' })).toThrow('a is mapped twice')
})

test('settings add up, with numbers and booleans as such', () => {
  const settings = ['volumeGroup=vg0', 'thin=true', 'count=3', 'path=/a=b', 'empty=']
  expect(settings.reduce((all, text) => parseSetting(text, all), {})).toEqual({
    ...{ volumeGroup: 'vg0', thin: true, count: 3, path: '/a=b', empty: '' },
  })
  expect(() => parseSetting('volumeGroup')).toThrow(UsageError)
})

test('seconds may be none, but not fewer', () => {
  expect(['0', '600'].map(parseSeconds)).toEqual([0, 600])
  for (const text of ['', '-1', 'soon', 'Infinity'])
    expect(() => parseSeconds(text), text).toThrow(UsageError)
})

test('an interval is a time, or never', () => {
  expect(['30m', '1h', '2d', 'never'].map(parseInterval)).toEqual([
    ...[1_800_000, 3_600_000, 172_800_000, 'never'],
  ])
  for (const text of ['0h', '1', 'ever', '1.5h'])
    expect(() => parseInterval(text), text).toThrow(UsageError)
})

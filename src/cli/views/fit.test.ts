import { expect, test } from 'vitest'
import { sample } from '../../../test/support/sample-documents.ts'
import { fitParts, visibleWidth, wrapParts } from './fit.ts'
import { liveView } from './migration-view.ts'
import { createStyle } from './style.ts'

const colours = createStyle(true)

test('parts that do not fit are left out from the end, and colours take no room', () => {
  const parts = [colours('red', 'one'), colours('cyan', 'two'), 'three']
  expect(visibleWidth(fitParts(parts, 8))).toBe(8)
  expect(fitParts(parts, 7)).toBe(parts[0])
  expect(fitParts(parts, null)).toBe(parts.join('  '))
})

test('parts go on the next line', () => {
  expect(wrapParts(['one', 'two', 'three'], 9)).toBe('one  two\nthree')
  expect(wrapParts(['one', 'two', 'three'], null)).toBe('one  two  three')
})

const memory = { sentBytes: 5 ** 12, totalBytes: 5 ** 13, bytesPerSecond: 5 ** 11, passes: 3 }
const heartbeat = { ...sample.migrationDetails.heartbeat, missed: 2 }
const migrating = {
  ...{ ...sample.operation, details: { ...sample.migrationDetails, memory, heartbeat } },
}

test.each([40, 60, 80, 120, 200])('a migration is drawn in %d columns', (width) => {
  const view = liveView(migrating, 13_400, colours, width)
  for (const line of view.split('\n')) expect(visibleWidth(line)).toBeLessThanOrEqual(width)
  expect(view).toContain('75 %')
  for (const text of width < 80 ? ['disk xvda'] : ['110 MiB/s', 'done in 19.0 s', 'pass 3'])
    expect(view).toContain(text)
  expect(view).toContain('2 missed')
})

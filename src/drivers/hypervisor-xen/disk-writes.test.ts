import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { diskWrites, parseStatistics } from './disk-writes.ts'

test('writes and their milliseconds, of what a kernel counts of a device', () => {
  const file = new URL('../../../test/captured/linux-6.1/dm-stat.txt', import.meta.url)
  expect(parseStatistics(readFileSync(file, 'utf8'))).toEqual({ count: 200, tookUs: 312_000 })
  expect(parseStatistics('')).toBeNull()
})

test('a device that is not there is left out', async () => {
  expect(await diskWrites([{ slot: 'xvda', device: '/dev/nothing-of-the-kind' }])).toEqual([])
})

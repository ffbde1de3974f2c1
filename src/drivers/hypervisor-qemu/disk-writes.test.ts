import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseBlockStatistics } from './disk-writes.ts'

test('writes of the disks of a guest, and nothing of other devices', () => {
  const file = new URL('../../../test/captured/qemu-7.2.22/query-blockstats.json', import.meta.url)
  const [disk] = JSON.parse(readFileSync(file, 'utf8'))
  const drive = { ...disk, qdev: '/machine/unattached/device[23]' }
  expect(parseBlockStatistics([drive, disk])).toEqual([
    { slot: 'vda', count: 100, tookUs: 2_525_702 },
  ])
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MiB } from '../../lib/units.ts'
import { parseHostInfo } from './parse-host-info.ts'

const file = join(import.meta.dirname, '../../../test/captured/xen-4.17.7/xl-info.txt')
const text = readFileSync(file, 'utf8')

test('memory, version and what guests can be given', () => {
  const info = parseHostInfo(text)
  expect(info).toMatchObject({ version: '4.17.7', memoryBytes: 2047 * MiB })
  expect(info.freeMemoryBytes).toBeLessThan(info.memoryBytes)
  expect(info.capabilities).toContain('hap')
  expect(info.capabilities).not.toContain('shadow')
})

test('claimed memory is not free', () => {
  const { freeMemoryBytes } = parseHostInfo(text)
  const claimed = text.replace(/(outstanding_claims\s+: )0/, (_, key) => `${key}140`)
  expect(parseHostInfo(claimed).freeMemoryBytes).toBe(freeMemoryBytes - 140 * MiB)
})

test('an answer without memory is refused', () => {
  expect(() => parseHostInfo('xencall: error: Could not obtain handle')).toThrow('no total_memory')
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseSaveHeader, writeSaveHeader } from './save-header.ts'

const file = '../../../test/captured/xen-4.17.7/migration-stream-head.bin'
const head = readFileSync(join(import.meta.dirname, file))

test("the head of xl's own stream", () => {
  const header = parseSaveHeader(head)
  const configuration = JSON.parse(header?.configuration ?? '')
  expect(configuration.c_info).toMatchObject({ type: 'pvh', name: 'hx-cap' })
  // libxl's part of the stream begins with this mark.
  const next = head.subarray(header?.lengthBytes ?? 0).subarray(0, 8)
  expect(next.toString('latin1')).toBe('LibxlFmt')
})

test('it does not matter in what pieces it comes', () => {
  const lengthBytes = parseSaveHeader(head)?.lengthBytes ?? 0
  for (const length of [0, 1, 31, 47, 48, 51, lengthBytes - 1]) {
    expect(parseSaveHeader(head.subarray(0, length))).toBeNull()
  }
  expect(parseSaveHeader(head.subarray(0, lengthBytes))?.lengthBytes).toBe(lengthBytes)
})

test('what is written is as xl would have written it', () => {
  const header = parseSaveHeader(head)
  const written = writeSaveHeader(header?.configuration ?? '')
  expect(written.equals(head.subarray(0, header?.lengthBytes))).toBe(true)
})

test.each([
  ['another program', (bytes: Buffer) => bytes.write('QEVM'), 'not from xl'],
  ['the other byte order', (bytes: Buffer) => bytes.writeUInt32BE(0x01020304, 32), 'byte order'],
  ['an unknown flag', (bytes: Buffer) => bytes.writeUInt32LE(7, 36), 'flags are 0x7'],
  ['a configuration in no JSON', (bytes: Buffer) => bytes.writeUInt32LE(2, 36), 'flags are 0x2'],
  ['a length beyond reason', (bytes: Buffer) => bytes.writeUInt32LE(2 ** 31, 44), 'would have'],
  ['a length that does not fit', (bytes: Buffer) => bytes.writeUInt32LE(2 ** 20, 48), 'cut off'],
])('a stream of %s is refused', (_, spoil, reason) => {
  const spoiled = Buffer.from(head)
  spoil(spoiled)
  expect(() => parseSaveHeader(spoiled)).toThrow(reason)
})

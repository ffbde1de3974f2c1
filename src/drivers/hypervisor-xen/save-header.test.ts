import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fixedHeaderBytes, optionalBytesOf, writeSaveHeader } from './save-header.ts'

const file = '../../../test/captured/xen-4.17.7/migration-stream-head.bin'
const head = readFileSync(join(import.meta.dirname, file))

const configuration = head.toString('utf8', 52, 51 + head.readUInt32LE(48))

test("the head of xl's own stream", () => {
  expect(JSON.parse(configuration).c_info).toMatchObject({ type: 'pvh', name: 'hx-cap' })
  // libxl's part of the stream begins with this mark.
  const next = head.subarray(fixedHeaderBytes + optionalBytesOf(head)).subarray(0, 8)
  expect(next.toString('latin1')).toBe('LibxlFmt')
})

test('what is written is as xl would have written it', () => {
  const written = writeSaveHeader(configuration)
  expect(written.equals(head.subarray(0, fixedHeaderBytes + optionalBytesOf(head)))).toBe(true)
})

test.each([
  ['another program', (bytes: Buffer) => bytes.write('QEVM'), 'not from xl'],
  ['the other byte order', (bytes: Buffer) => bytes.writeUInt32BE(0x01020304, 32), 'byte order'],
  ['an unknown flag', (bytes: Buffer) => bytes.writeUInt32LE(7, 36), 'flags are 0x7'],
  ['a configuration in no JSON', (bytes: Buffer) => bytes.writeUInt32LE(2, 36), 'flags are 0x2'],
  ['a length beyond reason', (bytes: Buffer) => bytes.writeUInt32LE(2 ** 31, 44), 'would have'],
])('a stream of %s is refused', (_, spoil, reason) => {
  const spoiled = Buffer.from(head)
  spoil(spoiled)
  expect(() => optionalBytesOf(spoiled)).toThrow(reason)
})

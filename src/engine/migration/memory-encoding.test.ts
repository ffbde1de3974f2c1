import { expect, test } from 'vitest'
import { sample } from '../../../test/support/sample-documents.ts'
import { hostSchema } from '../../model/host.ts'
import { checkEncoding } from './memory-encoding.ts'

test('a destination that takes compressed memory passes', () => {
  expect(checkEncoding('deflate', sample.host)).toMatchObject({ result: 'passed', code: null })
})

test('one of a version that says nothing of it takes plain memory alone', () => {
  const { memoryEncodings: _, ...older } = sample.host
  const host = hostSchema.parse(older)
  expect(checkEncoding('plain', host)).toMatchObject({ result: 'passed' })
  expect(checkEncoding('deflate', host)).toMatchObject({
    ...{ name: 'memory-encoding', subject: 'alpha1', result: 'failed', code: 'NOT_SUPPORTED' },
    reason: expect.stringContaining('cannot take memory as deflate, only as plain'),
  })
})

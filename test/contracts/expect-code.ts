import assert from 'node:assert/strict'
import { type ErrorCode, isCrosspoolError } from '../../src/model/errors.ts'

/** The promise must reject with this error of the table. */
export async function expectCode(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  const outcome = await promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  )
  if (isCrosspoolError(outcome, code)) return
  assert.fail(
    `expected ${code}, got ${outcome instanceof Error ? (outcome.stack ?? outcome.message) : outcome}`,
  )
}

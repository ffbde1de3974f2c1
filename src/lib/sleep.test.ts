import { expect, test } from 'vitest'
import { sleep } from './sleep.ts'

test('resolves after a while', async () => {
  await expect(sleep(1)).resolves.toBeUndefined()
})

test('rejects with the reason of the signal, at once when it is aborted already', async () => {
  const stop = new AbortController()
  const sleeping = sleep(60_000, stop.signal)
  stop.abort(new Error('enough'))
  await expect(sleeping).rejects.toThrow('enough')
  await expect(sleep(60_000, stop.signal)).rejects.toThrow('enough')
})

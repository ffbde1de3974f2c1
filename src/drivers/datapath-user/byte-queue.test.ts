import { expect, it } from 'vitest'
import { createByteQueue } from './byte-queue.ts'

it('gives pieces of the wanted size, whatever the size of those that came', async () => {
  const queue = createByteQueue()
  const first = queue.take(5)
  for (const text of ['ab', 'c', 'defgh', 'ij']) queue.push(Buffer.from(text))
  expect((await first).toString()).toBe('abcde')
  expect((await queue.take(0)).toString()).toBe('')
  expect((await queue.take(4)).toString()).toBe('fghi')
  const last = queue.take(2)
  queue.end(new Error('gone'))
  await expect(last).rejects.toThrow('gone')
  expect((await queue.take(1)).toString()).toBe('j')
})

import { expect, it } from 'vitest'
import { createKeyedLock } from './keyed-lock.ts'

function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

it('runs acts of one key one after the other and those of others at once', async () => {
  const lock = createKeyedLock()
  const seen: string[] = []
  const first = gate()
  const acts = [
    lock.run(['a'], async () => {
      seen.push('a1 begins')
      await first.opened
      seen.push('a1 ends')
    }),
    lock.run(['a'], async () => void seen.push('a2')),
    lock.run(['b'], async () => {
      seen.push('b')
      first.open()
    }),
  ]
  await Promise.all(acts)
  expect(seen).toEqual(['a1 begins', 'b', 'a1 ends', 'a2'])
})

it('goes on after an act that failed, and hands its error to its caller alone', async () => {
  const lock = createKeyedLock()
  const failing = lock.run(['a'], async () => {
    throw new Error('broken')
  })
  const next = lock.run(['a'], async () => 'fine')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('fine')
})

it('lets acts over several keys in any order pass each other without a deadlock', async () => {
  const lock = createKeyedLock()
  const seen: number[] = []
  await Promise.all([
    lock.run(['a', 'b'], async () => void seen.push(1)),
    lock.run(['b', 'a'], async () => void seen.push(2)),
    lock.run(['a'], async () => void seen.push(3)),
  ])
  expect(seen).toEqual([1, 2, 3])
})

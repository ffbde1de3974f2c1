import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createAdmission } from './admission.ts'

const never = new AbortController().signal
/** Long enough for everything that can go on by itself. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

it('lets as many in as a thing bears, and the next one when somebody leaves', async () => {
  const admission = createAdmission(() => 2)
  const leaveFirst = await admission.enter(['host'], never)
  await admission.enter(['host'], never)
  let third = 'waiting'
  void admission.enter(['host'], never).then(() => {
    third = 'inside'
  })
  await settle()
  expect(third).toBe('waiting')
  expect(admission.waiting).toBe(1)
  leaveFirst()
  leaveFirst()
  await settle()
  expect(third).toBe('inside')
})

it('lets one who needs something else pass one who waits, but not at the same thing', async () => {
  const admission = createAdmission((thing) => (thing === 'free' ? null : 1))
  const leave = await admission.enter(['slow link'], never)
  const order: string[] = []
  const enter = (name: string, things: readonly string[]) =>
    void admission.enter(things, never).then((left) => {
      order.push(name)
      return left
    })
  enter('needs both', ['slow link', 'sr'])
  enter('needs the sr alone', ['sr'])
  enter('needs another', ['other link', 'free'])
  await settle()
  expect(order).toEqual(['needs another'])
  leave()
  await settle()
  expect(order).toEqual(['needs another', 'needs both'])
})

it('forgets one who gives up', async () => {
  const admission = createAdmission(() => 1)
  const leave = await admission.enter(['host'], never)
  const tired = new AbortController()
  const given = admission.enter(['host'], tired.signal)
  const next = admission.enter(['host'], never)
  tired.abort(new Error('cancelled'))
  await expect(given).rejects.toThrow('cancelled')
  await expect(admission.enter(['host'], tired.signal)).rejects.toThrow('cancelled')
  leave()
  await next
})

it('never lets too many in, and everybody at last', async () => {
  const visits = fc.array(fc.subarray(['a', 'b', 'c'], { minLength: 1 }), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(visits, fc.infiniteStream(fc.nat(3)), async (all, pauses) => {
      const limits: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3 }
      const inside: Record<string, number> = { a: 0, b: 0, c: 0 }
      const admission = createAdmission((thing) => limits[thing] ?? null)
      await Promise.all(
        all.map(async (things) => {
          const leave = await admission.enter(things, never)
          for (const thing of things) {
            inside[thing] = (inside[thing] ?? 0) + 1
            expect(inside[thing]).toBeLessThanOrEqual(limits[thing] ?? 0)
          }
          for (let pause = pauses.next().value ?? 0; pause > 0; pause -= 1) await settle()
          for (const thing of things) inside[thing] = (inside[thing] ?? 0) - 1
          leave()
        }),
      )
      expect(admission.waiting).toBe(0)
    }),
    { numRuns: 50 },
  )
})

import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RecordChange, RecordStore } from '../../src/ports/record-store.ts'
import { partsOfWrite } from './record-store-writer.ts'

export interface RecordStoreUnderTest {
  /** The same records at every call, also after a crash. */
  open(now: () => number): RecordStore
  /** A child process that runs `writeUntilKilled` on the same records; null: they are not durable. */
  readonly startWriter: (() => ChildProcess) | null
  remove(): Promise<void>
}

/** What every record store guarantees. `prepare` answers a new, empty place for records. */
export function describeRecordStoreContract(
  name: string,
  prepare: () => RecordStoreUnderTest,
): void {
  describe(`record store contract: ${name}`, () => {
    let place: RecordStoreUnderTest
    let store: RecordStore
    let nowMs = 1_000

    beforeEach(() => {
      place = prepare()
      store = place.open(() => nowMs)
    })
    afterEach(async () => {
      await store.close()
      await place.remove()
    })

    describe('records', () => {
      test('what was put is there, also after the store was opened again', async () => {
        const value = { name: 'vm', list: [1, 2.5, null, true], nested: { text: 'ä "quoted" \n' } }
        expect(await store.transact({ puts: [{ key: 'vm/1', value }] })).toBe(true)
        await store.close()
        store = place.open(() => nowMs)
        expect((await store.get('vm/1'))?.value).toEqual(value)
        expect(await store.get('vm/2')).toBeNull()
      })

      test('nobody shares an object with the store', async () => {
        const value = { tags: ['first'] }
        await store.transact({ puts: [{ key: 'vm/1', value }] })
        value.tags.push('second')
        const answered = await store.get<{ tags: string[] }>('vm/1')
        answered?.value.tags.push('third')
        expect((await store.get('vm/1'))?.value).toEqual({ tags: ['first'] })
      })

      test.each([null, false, 0, '', []])('%j is a value like any other', async (value) => {
        await store.transact({ puts: [{ key: 'vm/1', value }] })
        expect((await store.get('vm/1'))?.value).toEqual(value)
      })

      test('a list has the records below the prefix, by key', async () => {
        const keys = [
          'vm/b',
          'vm/a',
          'vm/a/disk',
          'vm',
          'vma',
          'vm/ä',
          'vm/\u{1f4be}',
          'host/1',
          'w',
        ]
        await store.transact({ puts: keys.map((key) => ({ key, value: key })) })
        const below = (await store.list('vm/')).map(({ key }) => key)
        expect(below).toEqual(['vm/a', 'vm/a/disk', 'vm/b', 'vm/ä', 'vm/\u{1f4be}'])
        expect((await store.list('')).map(({ key }) => key)).toHaveLength(keys.length)
        expect(await store.list('none/')).toEqual([])
      })

      test('a deleted record is gone; a missing one is no error', async () => {
        await store.transact({ puts: [{ key: 'a', value: 1 }] })
        expect(await store.transact({ deletes: ['a', 'b'] })).toBe(true)
        expect(await store.get('a')).toBeNull()
      })

      test('a key that is deleted and put by one transaction is there afterwards', async () => {
        await store.transact({ puts: [{ key: 'a', value: 1 }] })
        await store.transact({ deletes: ['a'], puts: [{ key: 'a', value: 2 }] })
        expect((await store.get('a'))?.value).toBe(2)
      })
    })

    describe('transactions', () => {
      test('the revision grows with every transaction and is that of the last put', async () => {
        await store.transact({ puts: [{ key: 'a', value: 1 }] })
        await store.transact({
          puts: [
            { key: 'b', value: 1 },
            { key: 'c', value: 1 },
          ],
        })
        const [a, b, c] = await store.list('')
        expect(a?.revision).toBeLessThan(Number(b?.revision))
        expect(b?.revision).toBe(c?.revision)
        await store.transact({ puts: [{ key: 'a', value: 1 }] })
        expect((await store.get('a'))?.revision).toBeGreaterThan(Number(b?.revision))
      })

      test('the revision goes on growing after the store was opened again', async () => {
        await store.transact({ puts: [{ key: 'a', value: 1 }] })
        const before = (await store.get('a'))?.revision
        await store.transact({ deletes: ['a'] })
        await store.close()
        store = place.open(() => nowMs)
        await store.transact({ puts: [{ key: 'a', value: 1 }] })
        expect((await store.get('a'))?.revision).toBeGreaterThan(Number(before))
      })

      test('a condition that does not hold changes nothing', async () => {
        await store.transact({
          puts: [
            { key: 'a', value: 1 },
            { key: 'b', value: 1 },
          ],
        })
        const revision = (await store.get('a'))?.revision ?? 0
        await store.transact({ puts: [{ key: 'a', value: 2 }] })
        const changes: RecordChange[] = []
        store.watch('', (change) => changes.push(change))
        const outcome = await store.transact({
          conditions: [
            { key: 'b', revision },
            { key: 'a', revision },
          ],
          puts: [
            { key: 'a', value: 3 },
            { key: 'c', value: 3 },
          ],
          deletes: ['b'],
        })
        expect(outcome).toBe(false)
        expect((await store.list('')).map(({ value }) => value)).toEqual([2, 1])
        expect(changes).toEqual([])
      })

      test('null as the revision asks for no such record', async () => {
        const create = {
          conditions: [{ key: 'a', revision: null }],
          puts: [{ key: 'a', value: 1 }],
        }
        expect(await store.transact(create)).toBe(true)
        expect(await store.transact(create)).toBe(false)
      })

      test('of many that compete for one revision exactly one wins', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, value) =>
            store.transact({
              conditions: [{ key: 'a', revision: null }],
              puts: [{ key: 'a', value }],
            }),
          ),
        )
        expect(outcomes.filter(Boolean)).toHaveLength(1)
        expect((await store.get('a'))?.value).toBe(outcomes.indexOf(true))
      })

      test('no count is lost when many read, add and write', async () => {
        const add = async (): Promise<void> => {
          const record = await store.get<number>('count')
          const done = await store.transact({
            conditions: [{ key: 'count', revision: record?.revision ?? null }],
            puts: [{ key: 'count', value: (record?.value ?? 0) + 1 }],
          })
          if (!done) await add()
        }
        await Promise.all(Array.from({ length: 20 }, add))
        expect((await store.get('count'))?.value).toBe(20)
      })
    })

    describe('watch', () => {
      test('tells of every change below the prefix, in order, until stopped', async () => {
        const changes: RecordChange[] = []
        const stop = store.watch('vm/', (change) => changes.push(change))
        await Promise.all([
          store.transact({ puts: [{ key: 'vm/1', value: 'a' }] }),
          store.transact({ puts: [{ key: 'host/1', value: 'a' }] }),
          store.transact({ puts: [{ key: 'vm/1', value: { b: 1 } }] }),
          store.transact({ deletes: ['vm/1', 'vm/none'] }),
        ])
        stop()
        await store.transact({ puts: [{ key: 'vm/1', value: 'd' }] })
        expect(changes.map(({ key, value }) => [key, value])).toEqual([
          ['vm/1', 'a'],
          ['vm/1', { b: 1 }],
          ['vm/1', null],
        ])
        const revisions = changes.map(({ revision }) => revision)
        expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b))
      })

      test('a listener reads what it was told of', async () => {
        const read = new Promise((resolve) => {
          store.watch('', ({ key }) => resolve(store.get(key)))
        })
        await store.transact({ puts: [{ key: 'a', value: 1 }] })
        expect(await read).toMatchObject({ value: 1 })
      })
    })

    describe('leases', () => {
      test('one owner at a time, until it lets go', async () => {
        expect(await store.lease('vm/1', 'a', 100)).toBe(true)
        expect(await store.lease('vm/1', 'b', 100)).toBe(false)
        expect(await store.lease('vm/2', 'b', 100)).toBe(true)
        await store.release('vm/1', 'b')
        expect(await store.lease('vm/1', 'b', 100)).toBe(false)
        await store.release('vm/1', 'a')
        expect(await store.lease('vm/1', 'b', 100)).toBe(true)
      })

      test('ends when its time has passed since the last call', async () => {
        await store.lease('vm/1', 'a', 100)
        nowMs += 60
        expect(await store.lease('vm/1', 'a', 100)).toBe(true)
        nowMs += 99
        expect(await store.lease('vm/1', 'b', 100)).toBe(false)
        nowMs += 1
        expect(await store.lease('vm/1', 'b', 100)).toBe(true)
        expect(await store.lease('vm/1', 'a', 100)).toBe(false)
      })

      test('are not among the records', async () => {
        await store.lease('vm/1', 'a', 100)
        expect(await store.list('')).toEqual([])
      })
    })

    const killing = 'a killed process leaves whole transactions, and all that had resolved'
    test(killing, { timeout: 60_000 }, async (context) => {
      if (place.startWriter === null) return context.skip('not durable')
      for (const linesBeforeKill of [1, 40]) {
        const resolved = await killAfterLines(place.startWriter(), linesBeforeKill)
        const values = new Map((await store.list<number>('write/')).map((r) => [r.key, r.value]))
        for (const line of resolved) expect(values.get(`write/${line}/0`)).toBeTypeOf('number')
        const writes = new Set([...values.keys()].map((key) => key.replace(/\/\d$/, '')))
        for (const write of writes) {
          const parts = partsOfWrite.map((part) => values.get(`${write}/${part}`))
          expect(new Set(parts).size, `${write}: ${parts}`).toBe(1)
        }
        const count = await store.get<number>('count')
        expect(count?.value).toBe(writes.size)
      }
    })
  })
}

async function killAfterLines(child: ChildProcess, count: number): Promise<readonly string[]> {
  const lines: string[] = []
  if (child.stdout === null) throw new Error('the writer must print to a pipe')
  const ended = new Promise((resolve) => child.once('close', resolve))
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length === count) child.kill('SIGKILL')
  }
  await ended
  expect(lines.length, 'the writer ended by itself').toBeGreaterThanOrEqual(count)
  return lines
}

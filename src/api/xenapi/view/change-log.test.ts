import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChangeLog } from './change-log.ts'
import type { XenObject } from './objects.ts'

const vm = (ref: string, name: string): XenObject => ({
  ...{ className: 'VM', ref },
  record: { name_label: name },
})
const said = (log: ChangeLog, generation: number) =>
  log.since(generation)?.map(({ operation, ref }) => `${operation} ${ref}`)

describe('the log of changes', () => {
  it('tells what was added, changed and went, in this order', () => {
    const log = new ChangeLog(100)
    log.update([vm('a', 'one'), vm('b', 'one')])
    const before = log.generation
    log.update([vm('b', 'two'), vm('c', 'one')])
    expect(said(log, before)).toEqual(['add c', 'mod b', 'del a'])
    expect(said(log, 0)).toEqual(['add b', 'add c'])
    expect(said(log, log.generation)).toEqual([])
  })

  it('does not tell of what came and went in between', () => {
    const log = new ChangeLog(100)
    log.update([vm('a', 'one')])
    const before = log.generation
    log.update([vm('a', 'one'), vm('b', 'one')])
    log.update([vm('a', 'one')])
    expect(said(log, before)).toEqual([])
  })

  it('moves on only when something differs', () => {
    const log = new ChangeLog(100)
    expect(log.update([vm('a', 'one')])).toBe(true)
    const { generation } = log
    expect(log.update([vm('a', 'one')])).toBe(false)
    expect(log.generation).toBe(generation)
    expect(said(log, log.touch('a'))).toEqual(['mod a'])
  })

  it('says so when a token is of an earlier run, or what went since is forgotten', () => {
    const log = new ChangeLog(1_000)
    expect(log.since(999)).toBeNull()
    log.update([vm('a', 'one')])
    const early = log.generation
    for (let round = 0; round < 2_001; round += 1) log.update([vm(`b${round}`, 'one')])
    expect(log.since(early)).toBeNull()
    expect(log.since(log.generation - 5)).not.toBeNull()
  })

  it('a client that applies the changes has what there is, wherever it looked in between', () => {
    const names = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'))
    fc.assert(
      fc.property(fc.array(fc.record({ names, looks: fc.boolean() })), (rounds) => {
        const log = new ChangeLog(1)
        const client = new Map<string, unknown>()
        let generation = 0
        const look = () => {
          for (const { operation, ref, record } of log.since(generation) ?? []) {
            expect(operation === 'add').toBe(!client.has(ref))
            if (operation === 'del') client.delete(ref)
            else client.set(ref, record)
          }
          generation = log.generation
        }
        for (const { names: present, looks } of rounds) {
          log.update(Object.entries(present).map(([ref, name]) => vm(ref, name)))
          if (looks) look()
        }
        look()
        expect(client).toEqual(new Map(log.all('VM').map(({ ref, record }) => [ref, record])))
      }),
    )
  })
})

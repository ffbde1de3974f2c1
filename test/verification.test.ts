import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readFinding } from '../scripts/model-checker.ts'
import { receiverStateSchema } from '../src/model/receiver.ts'

const root = resolve(import.meta.dirname, '..')
const page = 'docs/designs/0005-ownership-model.md'
const model = read('verification/handover.pml')
const rows = read(page)
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').slice(1, -1))
const toldNames = rows.flatMap(([names = '']) => quoted(names))

describe('the model of the handover', () => {
  it('has each of its states, calls, laws and mutations on the page', () => {
    const names = [
      ...constants('step'),
      ...constants('receiver'),
      ...constants('ownership'),
      ...constants('vm'),
      ...constants('copy'),
      ...found(/^#define ([A-Z_]+) \d+$/gm).filter((name) => !['ATTEMPTS', 'CALLS'].includes(name)),
      ...found(/BROKEN (\w+)/g),
      ...found(/^ltl (\w+)/gm),
      ...found(/^#ifn?def ((?:MUTATE|WITHOUT)_\w+)/gm),
    ]
    expect(names.length).toBeGreaterThan(40)
    expect(names.filter((name) => !toldNames.includes(name))).toEqual([])
  })

  it('has each name that the page tells', () => {
    expect(toldNames.filter((name) => !new RegExp(`\\b${name}\\b`).test(model))).toEqual([])
  })

  it('is found in the code where the page says', () => {
    const places = rows.flatMap(([names = '', , code = '']) => {
      const [, target] = /\]\(([^)]+)\)/.exec(code) ?? []
      return target === undefined ? [] : [{ names, target, identifiers: quoted(code) }]
    })
    expect(places.length).toBeGreaterThan(25)
    const lost = places.flatMap(({ names, target, identifiers }) => {
      const file = join(dirname(page), target)
      if (!existsSync(join(root, file))) return [`${names}: ${file}`]
      const text = read(file)
      return identifiers
        .filter((identifier) => !text.includes(identifier))
        .map((identifier) => `${names}: ${file} has no ${identifier}`)
    })
    expect(lost).toEqual([])
  })

  it('knows the states of a receiver as the code does', () => {
    const own = ['ABSENT', 'WRONG_STATE', 'NO_ANSWER']
    const states = constants('receiver').filter((name) => !own.includes(name))
    expect(states.map((name) => name.toLowerCase())).toEqual(receiverStateSchema.options)
  })

  it('has its steps in the order of the migration, and turns back where that does', () => {
    const list = read('src/engine/migration/migrate-vm.ts')
    const steps = ['reserveThere', 'sendMemory', 'releaseDisks', 'takeThere', 'startThere']
    const positions = steps.map((step) =>
      list.search(new RegExp(`^ +${step}\\(environment\\)`, 'm')),
    )
    expect(positions).not.toContain(-1)
    expect(positions.toSorted((a, b) => a - b)).toEqual(positions)
    const handover = read('src/engine/migration/steps/handover-steps.ts')
    const forwards = [...handover.matchAll(/name: '(\w+)',|forwards: '([\w-]+)'/g)].map(
      ([, name, direction]) => name ?? direction,
    )
    expect(forwards).toEqual(['release', 'take', 'until-refused', 'start', 'until-refused'])
  })
})

describe("the model checker's report", () => {
  const summary = (errors: number) => `State-vector 92 byte, depth reached 474, errors: ${errors}
  1111869 states, stored
  4404334 states, matched
`

  it('is believed when every state has been searched', () => {
    const unreached = `unreached in proctype laws
\thandover.pml:88, state 14, "(!(one))"
\thandover.pml:97, state 18, "-end-"
\t(2 of 18 states)
unreached in proctype source
\thandover.pml:150, state 60, "journal = AT_END"
\thandover.pml:169, state 137, "-end-"
\t(2 of 137 states)
`
    expect(readFinding(summary(0))).toEqual({ verdict: 'holds', states: 1111869, unreached: [] })
    expect(readFinding(summary(0) + unreached).unreached).toEqual([
      'handover.pml:150 journal = AT_END',
    ])
  })

  it.each([
    ['a law', 'pan:1: assertion violated 0 (at depth 94)'],
    ['the end', 'pan:1: acceptance cycle (at depth 138)'],
  ])('tells that %s does not hold', (_what, line) => {
    const report = `${line}\nWarning: Search not completed\n${summary(1)}`
    expect(readFinding(report).verdict).toBe('fails')
  })

  it.each([
    ['deep', `error: max search depth too small\n${summary(0)}`],
    ['large', `pan: reached -DMEMLIM bound\nWarning: Search not completed\n${summary(0)}`],
    ['badly written', `pan:1: invalid end state (at depth 3)\n${summary(1)}`],
    ['broken', ''],
  ])('shows nothing when the model was too %s', (_why, report) => {
    expect(readFinding(report).verdict).toBe('incomplete')
  })
})

function constants(type: string): string[] {
  const [, list = ''] = new RegExp(`^mtype:${type} = \\{([^}]+)\\}`, 'm').exec(model) ?? []
  return list.split(',').map((name) => name.trim())
}

function found(pattern: RegExp): string[] {
  return [...model.matchAll(pattern)].map(([, name = '']) => name)
}

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

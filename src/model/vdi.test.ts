import { expect, it } from 'vitest'
import { isCrosspoolError } from './errors.ts'
import { nextVdiState, vdiOperations, vdiStateSchema } from './vdi.ts'

it('leads each state by each operation where the table says', () => {
  const table = vdiStateSchema.options.map((state) => {
    const next = vdiOperations.map((operation) => {
      try {
        return `${operation}: ${nextVdiState('1', state, operation)}`
      } catch (error) {
        expect(isCrosspoolError(error, 'WRONG_STATE')).toBe(true)
        return `${operation}: -`
      }
    })
    return `${state} | ${next.join(', ')}`
  })
  expect(table.join('\n')).toMatchInlineSnapshot(`
    "detached | attach: attached, activate: -, deactivate: detached, detach: detached, adopt: adopted, disown: detached
    attached | attach: attached, activate: activated, deactivate: attached, detach: detached, adopt: -, disown: -
    activated | attach: activated, activate: activated, deactivate: attached, detach: -, adopt: -, disown: -
    adopted | attach: -, activate: -, deactivate: -, detach: -, adopt: adopted, disown: detached"
  `)
})

it('may repeat every operation', () => {
  for (const state of vdiStateSchema.options) {
    for (const operation of vdiOperations) {
      let next: typeof state
      try {
        next = nextVdiState('1', state, operation)
      } catch {
        continue
      }
      expect(nextVdiState('1', next, operation)).toBe(next)
    }
  }
})

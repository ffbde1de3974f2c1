import { expect, it } from 'vitest'
import { z } from 'zod'
import { nameBasedUuid } from './name-based-uuid.ts'

it('is a valid UUID that depends on the space and the name alone', () => {
  const id = nameBasedUuid('sr', 'disk')
  expect(z.uuid().parse(id)).toBe(id)
  expect(nameBasedUuid('sr', 'disk')).toBe(id)
  expect(nameBasedUuid('sr', 'disk2')).not.toBe(id)
  expect(nameBasedUuid('srd', 'isk')).not.toBe(id)
})

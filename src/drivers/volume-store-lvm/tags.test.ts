import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatTags, parseTags } from './tags.ts'

it('writes readable tags for a plain name', () => {
  expect(
    formatTags({ id: 'a1', name: 'root disk', sizeBytes: 4096, isUnfinished: true }),
  ).toMatchInlineSnapshot(`
    [
      "crosspool",
      "crosspool-id=a1",
      "crosspool-size=4096",
      "crosspool-name=root#20disk",
      "crosspool-unfinished",
    ]
  `)
})

it('reads back whatever name it was given, in signs that LVM allows', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (name) => {
      const tags = formatTags({ id: 'a1', name, sizeBytes: 512, isUnfinished: false })
      for (const tag of tags) expect(tag).toMatch(/^[A-Za-z0-9_+.\-/=!:#&]{1,1024}$/)
      expect(parseTags(tags)).toEqual({ id: 'a1', name, sizeBytes: 512, isUnfinished: false })
    }),
  )
})

it('cuts a name that is too long for a tag, at a whole character', () => {
  const tags = formatTags({ id: 'a', name: '€'.repeat(120), sizeBytes: 512, isUnfinished: false })
  expect(parseTags(tags)?.name).toBe('€'.repeat(100))
})

it("leaves the administrator's volumes alone, whatever their tags", () => {
  expect(parseTags([])).toBeNull()
  expect(parseTags(['backup', 'crosspool'])).toBeNull()
  expect(parseTags(['crosspool-id=1', 'crosspool-size=512'])).toBeNull()
})

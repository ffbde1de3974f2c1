import { spawnSync } from 'node:child_process'
import { expect, it, test } from 'vitest'
import { manPages } from '../scripts/man-pages.ts'
import { createProgram, helpOfAll } from '../src/cli/program/program.ts'

const pages = manPages()
/** What a reader sees. */
const plain = (text: string) =>
  text
    .replace(/\\:/g, '')
    .replace(/\\-/g, '-')
    .replace(/\\f[BIR]/g, '')

test('each command has a page with all of its options and examples', () => {
  const helps = helpOfAll(createProgram((command) => command))
  expect(helps.length).toBeGreaterThan(40)
  for (const { name, help } of helps) {
    const [, command] = name.split(' ')
    const text = plain(pages.get(command ? `crosspool-${command}.1` : 'crosspool.1') ?? '')
    const own = help.slice(0, help.indexOf('\nGlobal Options:') >>> 0)
    for (const [, option] of own.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm))
      if (option !== '--help') expect(text, `${name} ${option}`).toContain(option)
    for (const [, example] of help.matchAll(/^ {2}\$ ([^…\n]+)$/gm))
      expect(text, name).toContain(example)
  }
})

test('both daemons have one with all of their settings', () => {
  expect(plain(pages.get('crosspool-sm.8') ?? '')).toContain('replicationAddress')
  expect(plain(pages.get('crosspool-xapi.8') ?? '')).toContain('heartbeat')
})

it.each([...pages])('groff has nothing to say against %s', (_, text) => {
  const checked = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z'], {
    input: text,
    encoding: 'utf8',
  })
  // A machine without it cannot tell.
  if (checked.error) return
  expect(checked.stderr).toBe('')
})

import { expect, test } from 'vitest'
import { createLog, redactSecrets } from './log.ts'

function logging(level?: 'debug' | 'info') {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLog({ name: 'sm', destination, ...(level ? { level } : {}) })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '') }
}

test('an event is one line of JSON with level, time, name, fields and message', () => {
  const { log, lines, last } = logging()
  log.info({ operation: 'o-1', disks: 2 }, 'migration begins')
  expect(lines).toHaveLength(1)
  expect(lines[0]?.endsWith('}\n')).toBe(true)
  expect(last()).toMatchObject({
    level: 'info',
    name: 'sm',
    operation: 'o-1',
    disks: 2,
    msg: 'migration begins',
  })
  expect(last().time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
})

test('what is below the level is left out', () => {
  const { log, lines } = logging()
  log.debug({}, 'detail')
  expect(lines).toEqual([])
})

test('an error is written with its whole chain of causes', () => {
  const { log, last } = logging()
  log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed')
  expect(last().error.message).toContain('outer')
  expect(last().error.stack).toContain('inner')
})

test('tokens and secrets are nowhere', () => {
  const { log, lines, last } = logging()
  const secret = 'c0ffee00c0ffee00c0ffee00c0ffee00'
  const uri = `drbd://10.0.0.2:7310/id?size=10&secret=${secret}`
  log.info({ token: secret, uri, disks: [{ secret, slot: 'xvda' }] }, `mirror to ${uri}`)
  log.error(
    { error: new Error(`refused ${uri}`), headers: { authorization: `Bearer ${secret}` } },
    '',
  )
  log.info({ body: JSON.stringify({ token: secret, deep: JSON.stringify({ secret }) }) }, 'request')
  log.child({ token: secret }).info({}, `Authorization: Bearer ${secret}`)
  expect(lines.join('')).not.toContain(secret)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    token: '[redacted]',
    disks: [{ secret: '[redacted]', slot: 'xvda' }],
    uri: 'drbd://10.0.0.2:7310/id?size=10&secret=[redacted]',
  })
  expect(() => last()).not.toThrow()
})

test('every line stays valid JSON, also when the secret has quotes', () => {
  const { log, lines } = logging()
  for (const token of ['a"b', 'a\\', '\\"', '"', '']) log.info({ token, after: 1 }, 'x')
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ after: 1 })
  expect(lines.join('')).not.toContain('a\\"b')
})

test('other words stay', () => {
  expect(redactSecrets('{"tokens":3,"secretary":"x"}')).toBe('{"tokens":3,"secretary":"x"}')
})

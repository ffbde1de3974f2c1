import { describe, expect, test } from 'vitest'
import { exampleConfigurations } from '../../scripts/example-configurations.ts'
import { parseConfiguration } from './parse-configuration.ts'
import { storageConfigurationSchema } from './storage/configuration.ts'
import { toolstackConfigurationSchema } from './toolstack/configuration.ts'

const problemsOf = (text: string) => {
  const parsed = parseConfiguration(toolstackConfigurationSchema, text)
  return 'problems' in parsed ? parsed.problems : []
}

test('comments and trailing commas are fine', () => {
  const text = '// mine\n{ "pool": "beta", /* more */ "limits": { "host": 2, }, }'
  expect(parseConfiguration(toolstackConfigurationSchema, text)).toMatchObject({
    configuration: { pool: 'beta', limits: { host: 2, link: 2, sr: 4 }, listen: { port: 7311 } },
  })
})

test.each([
  [
    '{ "limits": { "hosts": 2 } }',
    'limits.hosts: there is no such setting; there is host, link, peer, sr',
  ],
  ['{ "listen": { "port": 70000 } }', 'listen.port: Too big: expected number to be <=65535'],
  [
    '{ "hypervisor": "kvm" }',
    'hypervisor: Invalid option: expected one of "xen"|"qemu" (which hypervisor runs the VMs)',
  ],
  [
    '{ "heartbeat": { "intervalMs": 20000 } }',
    'heartbeat: deadlineMs must be greater than intervalMs (between the two sides of a migration)',
  ],
  ['{\n  "pool": "a"\n  "host": "b"\n}', 'line 3, column 3: this is not JSON: '],
  ['[]', 'the file: Invalid input: expected object, received array'],
])('%s', (text, problem) => {
  expect(problemsOf(text)).toHaveLength(1)
  expect(problemsOf(text)[0]).toContain(problem)
})

test('every problem is told at once', () => {
  expect(problemsOf('{ "pool": 1, "url": "x", "mistake": 1 }')).toHaveLength(3)
})

describe.each([
  ['sm.json', storageConfigurationSchema],
  ['xapi.json', toolstackConfigurationSchema],
] as const)('the packaged %s', (name, schema) => {
  const text = exampleConfigurations().get(name) ?? ''
  const defaults = parseConfiguration(schema, '{}')

  test('means the defaults as it is', () => {
    expect(parseConfiguration(schema, text)).toEqual(defaults)
  })

  test('shows every setting, and with all of them taken in it means the defaults too', () => {
    const parsed = parseConfiguration(schema, text.replace(/^ {2}\/\/(?! \S)/gm, ''))
    expect(parsed).toMatchObject(defaults)
    if ('problems' in parsed) throw new Error(parsed.problems.join())
    expect(Object.keys(parsed.configuration).sort()).toEqual(Object.keys(schema.shape).sort())
  })
})

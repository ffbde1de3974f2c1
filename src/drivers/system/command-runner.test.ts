import { open } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { systemCommandRunner } from './command-runner.ts'

test('a program gets its arguments as they are: no shell reads them', async () => {
  const strange = ['$(id)', '; id', '`id`', '* ~', '\' "', '-n']
  const { stdout } = await systemCommandRunner.run('printf', ['%s|', ...strange])
  expect(stdout).toBe(strange.map((argument) => `${argument}|`).join(''))
})

test.each(['a\nb', 'a\0b', '\u001b[2J', '\r'])('%j is given to no program', async (argument) => {
  const refusal = { code: 'BAD_REQUEST' }
  await expect(systemCommandRunner.run('true', [argument])).rejects.toMatchObject(refusal)
  await expect(systemCommandRunner.probe('true', [argument])).rejects.toMatchObject(refusal)
  expect(() => systemCommandRunner.start('true', [argument])).toThrow('cannot be printed')
})

test('a program inherits a file as its descriptor 3, beside what it is given to read', async () => {
  const file = await open('/proc/version')
  const options = { input: 'read: ', inherited: file.fd }
  const { stdout } = await systemCommandRunner.run('cat', ['-', '/dev/fd/3'], options)
  await file.close()
  expect(stdout).toMatch(/^read: Linux version/)
})

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

const brief = { isBrief: true }

test.each([{}, brief])('a program says what it says and ends as it ends: %j', async (how) => {
  const { probe, run } = systemCommandRunner
  const says = 'printf "one\\n\\ntwo"; printf "three\\n" >&2; exit 7'
  const said = { exitCode: 7, stdout: 'one\n\ntwo', stderr: 'three' }
  expect(await probe('sh', ['-c', says], how)).toEqual(said)
  expect(await probe('cat', [], how)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  const input = ' one \\n\n\n$(id) `id`\n'
  const { stdout } = await run('cat', [], { input, ...how })
  expect(`${stdout}\n`).toBe(input)
  const strange = ['', ' ', '$(id)', '; id', '`id`', '* ~', '\' "', '-n', '\\']
  const { stdout: given } = await run('printf', ['%s|', ...strange], how)
  expect(given).toBe(strange.map((argument) => `${argument}|`).join(''))
  const failure = { code: 'COMMAND_FAILED' }
  await expect(run('sh', ['-c', says], how)).rejects.toMatchObject(failure)
  await expect(run('no-such-program', [], how)).rejects.toMatchObject(failure)
  const long = await run('head', ['-c', '300000', '/dev/zero'], how)
  expect(long.stdout).toHaveLength(300_000)
})

test('a brief program is no word of a shell', async () => {
  const exit = await systemCommandRunner.probe('exit', ['3'], brief)
  expect(exit.exitCode).toBe(127)
  expect((await systemCommandRunner.run('sh', ['-c', 'exit 0'], brief)).exitCode).toBe(0)
})

test('brief programs run side by side, each with its own output', async () => {
  const numbers = [1, 2, 3, 4, 5].map(String)
  const said = await Promise.all(
    numbers.map((number) => systemCommandRunner.run('echo', [number], brief)),
  )
  expect(said.map(({ stdout }) => stdout)).toEqual(numbers)
})

test.each([
  ['timed out', () => ({ timeoutMs: 50 })],
  ['cancelled', () => ({ signal: AbortSignal.timeout(50) })],
])('a brief program that has %s is ended, and the next one runs', async (how, options) => {
  const seconds = '23.0625'
  const late = systemCommandRunner.run('sleep', [seconds], { ...brief, ...options() })
  await expect(late).rejects.toThrow(how)
  const isGone = async () =>
    (await systemCommandRunner.probe('pgrep', ['-f', `^sleep ${seconds}$`])).exitCode === 1
  await expect.poll(isGone).toBe(true)
  expect((await systemCommandRunner.run('echo', ['on'], brief)).stdout).toBe('on')
})

test('a brief program whose shell dies has failed, and the next one runs', async () => {
  const suicide = systemCommandRunner.run('sh', ['-c', 'kill -KILL $PPID'], brief)
  await expect(suicide).rejects.toThrow('has died')
  expect((await systemCommandRunner.run('echo', ['on'], brief)).stdout).toBe('on')
})

import { afterEach, expect, test } from 'vitest'
import type { OpenServer } from '../../../test/support/open-door.ts'
import { announce, sampleToolstack } from '../../../test/support/sample-daemons.ts'
import { sample } from '../../../test/support/sample-documents.ts'
import type { Operation } from '../../model/operation.ts'
import { exitCodes } from '../exit-codes.ts'
import { runCli } from '../run-cli.ts'

const servers: OpenServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const database: Operation = { ...sample.operation, details: sample.migrationDetails }
const web: Operation = {
  ...{ ...database, id: 'o-2', progress: 0.1 },
  details: { ...sample.migrationDetails, vmName: 'web' },
}
const ended = (operation: Operation, state: Operation['state'] = 'succeeded'): Operation => ({
  ...{ ...operation, state, endedAtMs: 61_000 },
})

/** Each time that it is asked the daemon answers the next of these, and then always the last. */
async function watching(line: string, answers: readonly (readonly Operation[])[]) {
  const left = [...answers]
  let asked = 0
  const server = sampleToolstack({
    listOperations: async () => {
      asked += 1
      return [...((left.length > 1 ? left.shift() : left[0]) ?? [])]
    },
    watchOperation: async ({ params }) =>
      announce([ended({ ...database, id: params.operation }, 'cancelled')]),
  })
  servers.push(server)
  await server.listen({ host: '127.0.0.1', port: 0 })
  const said: string[] = []
  let interrupt = () => {}
  const done = runCli(line.split(' '), {
    stdout: { write: (text) => said.push(text) },
    stderr: { write: (text) => said.push(text) },
    environment: { CROSSPOOL_XAPI: server.socketPath },
    onInterrupt(listener) {
      interrupt = listener
      return () => {}
    },
  })
  return {
    interrupt: () => interrupt(),
    asked: () => asked,
    done: done.then((exitCode) => ({ exitCode, lines: said.join('').trimEnd().split('\n') })),
  }
}

test('all that run, also those that begin meanwhile, until none does', async () => {
  const answers = [[database], [web, database], [web, ended(database)], [ended(web)]]
  const { exitCode, lines } = await (await watching('watch', answers)).done
  expect(exitCode).toBe(exitCodes.done)
  const about = (name: string) => lines.filter((line) => line.startsWith(`${name}: `))
  expect(about('database').at(-1)).toBe('database: succeeded')
  expect(about('web').at(0)).toBe('web: migrate o-2 running')
  expect(lines.filter((line) => line.includes('runs on beta/beta1.'))).toEqual([
    'database runs on beta/beta1.',
    'web runs on beta/beta1.',
  ])
})

test('with --json what runs, each time as one line', async () => {
  const { lines } = await (await watching('watch --json', [[database], []])).done
  expect(lines.map((line) => JSON.parse(line))).toEqual([[database], []])
})

test('nothing runs', async () => {
  const { exitCode, lines } = await (await watching('watch', [[ended(database)]])).done
  expect({ exitCode, lines }).toEqual({ exitCode: exitCodes.done, lines: ['Nothing runs.'] })
})

test('Ctrl-C ends the watching alone', async () => {
  const running = await watching('watch', [[database]])
  await expect.poll(running.asked).toBeGreaterThan(0)
  running.interrupt()
  expect((await running.done).exitCode).toBe(exitCodes.interrupted)
})

test.each([
  ['o-2', 'o-2'],
  ['database', 'o-1'],
  [database.subject, 'o-1'],
])('that of %s ends as it ends', async (wanted, operation) => {
  const older = ended({ ...database, id: 'o-0' })
  const answers = [[older, { ...web, subject: 'another' }, database]]
  const { exitCode, lines } = await (await watching(`watch ${wanted}`, answers)).done
  expect(exitCode).toBe(exitCodes.cancelled)
  expect(lines[0]).toBe(`migrate ${operation} cancelled`)
})

test('of nobody', async () => {
  const { exitCode, lines } = await (await watching('watch nobody', [[database]])).done
  expect(exitCode).toBe(exitCodes.failed)
  expect(lines.join()).toContain('There is no operation of nobody')
})

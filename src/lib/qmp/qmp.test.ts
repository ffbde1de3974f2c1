import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLineSplitter, parseQmpMessage } from './messages.ts'
import { connectQmp, QmpClosedError, QmpError } from './qmp.ts'

const greeting =
  '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":22}},"capabilities":[]}}\r\n'
let folder: string
let path: string
let server: Server
let sockets: Socket[]

/** A monitor that answers with these lines, by command; what has no answer stays open. */
async function serve(answers: Readonly<Record<string, string>>, first = greeting): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket)
    socket.write(first)
    const split = createLineSplitter((line) => {
      const { execute, id } = JSON.parse(line)
      const answer = execute === 'qmp_capabilities' ? '{"return":{},"id":ID}' : answers[execute]
      if (answer !== undefined) socket.write(`${answer.replaceAll('ID', id)}\n`)
    })
    socket.setEncoding('utf8').on('data', split)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'))
  path = join(folder, 'monitor')
  sockets = []
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  server?.close()
  await rm(folder, { recursive: true })
})

test('answers find their questions, in whatever order and with events between them', async () => {
  await serve({
    second: '{"event":"STOP","data":{"a":1}}\n{"return":"second","id":ID}',
    third: '{"return":"first","id":2}\n{"return":"third","id":ID}',
  })
  const qmp = await connectQmp(path, 1_000)
  const events: unknown[] = []
  qmp.onEvent((event) => events.push(event))
  const answers = await Promise.all(['first', 'second', 'third'].map((name) => qmp.execute(name)))
  expect(answers).toEqual(['first', 'second', 'third'])
  expect(events).toEqual([{ name: 'STOP', data: { a: 1 } }])
  expect(qmp.version).toBe('7.2.22')
  qmp.close()
})

test("a refusal carries QEMU's words", async () => {
  await serve({ cont: '{"error":{"class":"GenericError","desc":"not now"},"id":ID}' })
  const qmp = await connectQmp(path, 1_000)
  await expect(qmp.execute('cont')).rejects.toEqual(new QmpError('cont', 'not now'))
  qmp.close()
})

test('a command whose monitor goes is not answered, and neither is the next', async () => {
  await serve({})
  const qmp = await connectQmp(path, 1_000)
  const asked = qmp.execute('never')
  sockets[0]?.destroy()
  await expect(asked).rejects.toBeInstanceOf(QmpClosedError)
  await qmp.closed
  await expect(qmp.execute('again')).rejects.toBeInstanceOf(QmpClosedError)
})

test.each(['garbage\n', '{"return":\n'])(
  'a monitor that says %j is not believed any more',
  async (text) => {
    await serve({})
    const qmp = await connectQmp(path, 1_000)
    const asked = qmp.execute('never')
    sockets[0]?.write(text)
    await expect(asked).rejects.toBeInstanceOf(QmpClosedError)
    await qmp.closed
  },
)

test('a monitor that does not greet, for somebody else has it, is given up', async () => {
  await serve({}, '')
  await expect(connectQmp(path, 50)).rejects.toBeInstanceOf(QmpClosedError)
})

test('where nobody listens, the reason is the operating system’s', async () => {
  await expect(connectQmp(path, 1_000)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a listener that has stopped hears no more', async () => {
  await serve({ a: '{"event":"STOP"}\n{"return":{},"id":ID}' })
  const qmp = await connectQmp(path, 1_000)
  let heard = 0
  const stop = qmp.onEvent(() => {
    heard += 1
  })
  await qmp.execute('a')
  stop()
  await qmp.execute('a')
  expect(heard).toBe(1)
  qmp.close()
})

test.each([
  ['{"return":{"a":1},"id":3}', { kind: 'return', id: 3, value: { a: 1 } }],
  ['{"return":{}}', { kind: 'return', id: -1, value: {} }],
  ['{"error":{"class":"X"},"id":1}', { kind: 'error', id: 1, reason: 'X' }],
  ['{"event":"RESUME"}', { kind: 'event', event: { name: 'RESUME', data: {} } }],
  ['[]', null],
  ['{}', null],
])('%s', (line, message) => {
  expect(parseQmpMessage(line)).toEqual(message)
})

test('lines are cut wherever the stream was cut', () => {
  const lines: string[] = []
  const split = createLineSplitter((line) => lines.push(line))
  for (const text of ['{"a"', ':1}\r\n{"b":2}\n\n', '{"c"', ':3}']) split(text)
  expect(lines.map((line) => line.trim())).toEqual(['{"a":1}', '{"b":2}'])
})

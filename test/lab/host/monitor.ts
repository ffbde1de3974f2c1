import { connect } from 'node:net'
import { createInterface } from 'node:readline'

interface MonitorMessage {
  readonly return?: unknown
  readonly error?: { readonly class: string; readonly desc: string }
  readonly event?: string
}

const answerTimeoutMs = 10_000

/** Asks a host's QEMU for one thing. A connection per command is enough for the few that the lab needs. */
export async function monitorCommand(
  socketPath: string,
  execute: string,
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  const socket = connect(socketPath)
  const timer = setTimeout(() => {
    socket.destroy(new Error(`QEMU did not answer ${execute} within ${answerTimeoutMs / 1000} s`))
  }, answerTimeoutMs)
  const failed = new Promise<never>((_, reject) => socket.once('error', reject))
  // Only the race below may report the failure.
  failed.catch(() => undefined)
  try {
    socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n`)
    socket.write(`${JSON.stringify({ execute, arguments: parameters })}\n`)
    return await Promise.race([secondAnswer(createInterface(socket), execute), failed])
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

async function secondAnswer(lines: AsyncIterable<string>, execute: string): Promise<unknown> {
  let answers = 0
  for await (const line of lines) {
    const message = JSON.parse(line) as MonitorMessage
    if (message.error) throw new Error(`QEMU refused ${execute}: ${message.error.desc}`)
    if (!('return' in message)) continue
    answers += 1
    if (answers === 2) return message.return
  }
  throw new Error(`QEMU closed its monitor before it answered ${execute}`)
}

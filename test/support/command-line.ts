import { afterEach } from 'vitest'
import { runCli } from '../../src/cli/run-cli.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { OpenServer } from './open-door.ts'
import { sampleStorage, sampleToolstack } from './sample-daemons.ts'
import { sample } from './sample-documents.ts'

const servers: OpenServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** Both daemons of a host, which answer with samples but for what is given. */
export async function daemons(
  toolstack: Parameters<typeof sampleToolstack>[0] = {},
  storage: Parameters<typeof sampleStorage>[0] = {},
) {
  const [xapi, sm] = [sampleToolstack(toolstack), sampleStorage(storage)]
  servers.push(xapi, sm)
  await Promise.all([xapi, sm].map((server) => server.listen({ host: '127.0.0.1', port: 0 })))
  return { CROSSPOOL_XAPI: xapi.socketPath, CROSSPOOL_SM: sm.socketPath }
}

/** Runs a command line and collects what it says. */
export function start(line: string, environment: Readonly<Record<string, string>> = {}) {
  const out: string[] = []
  const err: string[] = []
  const interrupts = new Set<() => void>()
  const done = runCli(line.split(' ').filter(Boolean), {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    environment,
    onInterrupt(listener) {
      interrupts.add(listener)
      return () => void interrupts.delete(listener)
    },
  })
  return {
    out,
    err,
    interrupts,
    interrupt: () => {
      for (const listener of interrupts) listener()
    },
    done: done.then((exitCode) => ({ exitCode, out: out.join(''), err: err.join('') })),
  }
}
export const run = (line: string, environment?: Readonly<Record<string, string>>) =>
  start(line, environment).done

export const migrating: Operation = { ...sample.operation, details: sample.migrationDetails }
/** `migrating`, as it has ended. */
export const ended = (state: Operation['state'], error: Operation['error'] = null): Operation => ({
  ...{ ...migrating, state, error, endedAtMs: 61_000 },
})

import { rm } from 'node:fs/promises'
import { execa } from 'execa'
import { freePorts } from '../lab/support/free-ports.ts'

const chunkBytes = 1024 * 1024

/** Sends a file through TCP into another one, as plainly as can be. Answers how long that took. */
export async function rawCopy(from: string, to: string): Promise<number> {
  const [port = 0] = await freePorts(1)
  const socat = (source: string, target: string) =>
    execa('socat', ['-u', '-b', String(chunkBytes), source, target])
  const received = socat(`TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr`, `CREATE:${to}`)
  const startedMs = performance.now()
  // The receiver may not listen yet.
  await socat(`OPEN:${from}`, `TCP:127.0.0.1:${port},retry=200,interval=0.01`)
  await received
  const tookMs = performance.now() - startedMs
  await rm(to)
  return tookMs
}

import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../lib/error-code.ts'
import { optionValue } from '../../lib/qmp/option-value.ts'
import { connectQmp, type Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { within } from '../../ports/deadlines.ts'
import type { Parts } from './parts.ts'

/** One qemu-storage-daemon. It outlives this program, which finds it again by its folder. */
export interface StorageDaemon {
  readonly qmp: Qmp
  readonly hasEnded: boolean
  /** Ends it at once, whatever it waits for; its clients see their connection close. */
  kill(): Promise<void>
  /** Lets it write what it holds, then ends it. */
  end(): Promise<void>
}

export const program = 'qemu-storage-daemon'
const greetingMs = 10_000
const endMs = 20_000
const attemptsMax = 20
const pauseMs = 25

export async function storageDaemonVersion({ commandRunner }: Parts): Promise<string> {
  const { stdout } = await commandRunner.run(program, ['--version'])
  return /version (\d+(?:\.\d+)*)/.exec(stdout)?.[1] ?? 'of unknown version'
}

/** The one that runs for this folder, or null. */
export async function findStorageDaemon(
  parts: Parts,
  folder: string,
): Promise<StorageDaemon | null> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return new RunningDaemon(parts, folder, await connect(parts, folder))
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT' || code === 'ECONNREFUSED') return null
      // One that is just ending takes a connection and drops it.
      if (code !== 'ECONNRESET' && code !== 'EPIPE') throw error
      if (attempt === attemptsMax) throw error
      await parts.clock.sleep(pauseMs)
    }
  }
}

/** With what it begins, besides its monitor. `inherited`: a file descriptor that it has as 3. */
export interface StartWith {
  readonly options: readonly string[]
  readonly inherited?: number
}

export async function startStorageDaemon(
  parts: Parts,
  folder: string,
  { options, inherited }: StartWith = { options: [] },
): Promise<StorageDaemon> {
  parts.closing.throwIfAborted()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await rm(monitorOf(folder), { force: true })
  const path = optionValue(monitorOf(folder))
  const monitor = `socket,id=monitor,path=${path},server=on,wait=off`
  const common = ['--daemonize', '--pidfile', pidFileOf(folder)]
  const all = [...common, '--chardev', monitor, '--monitor', 'chardev=monitor', ...options]
  await launch(parts, { options: all, ...(inherited === undefined ? {} : { inherited }) })
  return new RunningDaemon(parts, folder, await connect(parts, folder))
}

/** A connection that a program which has let go of everything still held would keep the next one out. */
async function connect({ closing }: Parts, folder: string): Promise<Qmp> {
  const qmp = await connectQmp(monitorOf(folder), greetingMs)
  if (closing.aborted) qmp.close()
  closing.throwIfAborted()
  return qmp
}

/** One that has just ended may hold the lock of its pid file for a moment still. */
async function launch(
  { commandRunner, clock }: Parts,
  { options, ...rest }: StartWith,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { exitCode, stderr } = await commandRunner.probe(program, options, rest)
    if (exitCode === 0) return
    if (attempt === attemptsMax || !/pid file|PID file/.test(stderr)) {
      const how = `exit code ${exitCode}`
      throw new CrosspoolError('COMMAND_FAILED', { command: program, how, output: stderr.trim() })
    }
    await clock.sleep(pauseMs)
  }
}

class RunningDaemon implements StorageDaemon {
  readonly qmp: Qmp
  readonly #parts: Parts
  readonly #folder: string
  hasEnded = false

  constructor(parts: Parts, folder: string, qmp: Qmp) {
    this.#parts = parts
    this.#folder = folder
    this.qmp = qmp
    void qmp.closed.then(() => {
      this.hasEnded = true
    })
  }

  async kill(): Promise<void> {
    // While its monitor is open the process lives, so the number cannot have become another's.
    if (this.hasEnded) return
    const pid = (await readFile(pidFileOf(this.#folder), 'utf8')).trim()
    if (this.hasEnded) return
    await this.#parts.commandRunner.probe('kill', ['-KILL', pid])
    await within(this.#parts.clock, endMs, `the end of ${program} ${pid}`, this.qmp.closed)
  }

  async end(): Promise<void> {
    const { clock } = this.#parts
    try {
      await within(clock, endMs, `quit of ${program}`, this.qmp.execute('quit'))
      await within(clock, endMs, `the end of ${program}`, this.qmp.closed)
    } catch {
      await this.kill()
    }
  }
}

function monitorOf(folder: string): string {
  return join(folder, 'monitor')
}

function pidFileOf(folder: string): string {
  return join(folder, 'pid')
}

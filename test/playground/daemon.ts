import { readFile } from 'node:fs/promises'
import { endProcess, identifyProcess, type ProcessIdentity } from '../lab/support/processes.ts'
import { spawnLogged } from '../lab/support/spawn-logged.ts'

/** One of our daemons, as a service manager would run it. */
export class Daemon {
  readonly #command: readonly [string, ...string[]]
  readonly #logFile: string
  #identity: ProcessIdentity | undefined

  constructor(
    program: string,
    configuration: string,
    logFile: string,
    environment: Readonly<Record<string, string>> = {},
  ) {
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    const command = [process.execPath, program, '--config', configuration]
    this.#command = ['/usr/bin/env', ...variables, ...command]
    this.#logFile = logFile
  }

  start(): void {
    // In a session of its own, so that Ctrl-C reaches the playground alone, which ends things in order.
    const { pid } = spawnLogged(this.#command, this.#logFile, { isDetached: true })
    this.#identity = identifyProcess(pid)
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM').catch(() => this.#end('SIGKILL'))
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async log(lines: number): Promise<string> {
    const text = await readFile(this.#logFile, 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-lines).join('\n')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#identity) await endProcess(this.#identity, signal)
    this.#identity = undefined
  }
}

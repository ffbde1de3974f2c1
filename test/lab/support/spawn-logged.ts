import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

export interface LoggedProcess {
  readonly pid: number
  /** How it ended, for people. */
  readonly ended: Promise<string>
}

/**
 * Starts a process whose output goes straight to a file. Not by execa, which would pipe it through this process: then
 * a detached one could not outlive us.
 */
export function spawnLogged(
  command: readonly [string, ...string[]],
  logPath: string,
  options: { readonly isDetached: boolean },
): LoggedProcess {
  const log = openSync(logPath, 'a')
  const [file, ...words] = command
  const child = spawn(file, words, { detached: options.isDetached, stdio: ['ignore', log, log] })
  closeSync(log)
  if (options.isDetached) child.unref()
  const ended = new Promise<string>((done) => {
    child.once('error', (error) => done(error.message))
    child.once('exit', (code, signal) => done(signal ?? `exit code ${code}`))
  })
  if (child.pid === undefined) throw new Error(`could not start ${file}`)
  return { pid: child.pid, ended }
}

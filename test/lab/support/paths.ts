import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const labSourceDirectory = resolve(import.meta.dirname, '..')
const checkoutDirectory = resolve(labSourceDirectory, '../..')

/** Images and running labs. Two checkouts may share one cache: entries are named by the hash of what made them. */
export function cacheDirectory(): string {
  return process.env.CROSSPOOL_LAB_CACHE ?? join(checkoutDirectory, '.cache/lab')
}

export interface RunPaths {
  readonly directory: string
  readonly sockets: string
  readonly controlSocket: string
  readonly stateFile: string
  readonly supervisorLog: string
  hostDirectory(host: string): string
  consoleLog(host: string): string
  consoleSocket(host: string): string
  monitorSocket(host: string): string
  networkSocket(host: string): string
  sshSocket(host: string): string
}

/**
 * Where a lab of this name keeps its state. Sockets live under the temporary directory, because the path of a Unix
 * socket may have 107 bytes only and a checkout may lie deep.
 */
export function runPaths(labName: string): RunPaths {
  const directory = join(cacheDirectory(), 'run', labName)
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 12)
  const sockets = join(tmpdir(), `crosspool-lab-${digest}`)
  return {
    directory,
    sockets,
    controlSocket: join(sockets, 'control'),
    stateFile: join(directory, 'state.json'),
    supervisorLog: `${directory}.log`,
    hostDirectory: (host) => join(directory, host),
    consoleLog: (host) => join(directory, host, 'console.log'),
    consoleSocket: (host) => join(sockets, `${host}.console`),
    monitorSocket: (host) => join(sockets, `${host}.qmp`),
    networkSocket: (host) => join(sockets, `${host}.net`),
    sshSocket: (host) => join(sockets, `${host}.ssh`),
  }
}

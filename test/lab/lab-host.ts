import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { execa } from 'execa'
import { channelArguments, commandLine, type SshTarget, shellQuote } from './host/ssh.ts'
import type { AskLab } from './supervisor/client.ts'
import type { HostStatus } from './supervisor/operations.ts'
import type { RunPaths } from './support/paths.ts'
import { readFrom } from './support/read-from.ts'
import { waitUntil } from './support/wait-until.ts'
import type { ForwardedPort, HostKind } from './topology.ts'

export interface ExecOptions {
  readonly input?: string | Uint8Array
  readonly timeoutMs?: number
}

export interface ExecResult {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

export interface HostOptions {
  readonly status: HostStatus
  readonly privateKey: string
  readonly ask: AskLab
  readonly paths: RunPaths
}

const execTimeoutMs = 60_000
const copyTimeoutMs = 300_000

/** ssh itself ends with this when there is no connection; a command on a host should not. */
const sshFailedExitCode = 255

/** A host of a running lab, seen from a test. */
export class LabHost {
  readonly name: string
  readonly pool: string
  readonly kind: HostKind
  /** On the data network, for use by other hosts only. */
  readonly address: string
  readonly #options: HostOptions
  readonly #ssh: SshTarget

  constructor(options: HostOptions) {
    const { name, pool, kind, address } = options.status
    this.name = name
    this.pool = pool
    this.kind = kind
    this.address = address
    this.#options = options
    this.#ssh = {
      port: options.status.ports.ssh,
      privateKey: options.privateKey,
      controlSocket: options.paths.sshSocket(name),
    }
  }

  /** The port of this machine's loopback that leads to a service of the host. Stays the same over reboots. */
  port(service: ForwardedPort): number {
    return this.#options.status.ports[service]
  }

  /**
   * Runs a command as root: a list of words as it is, a text through the host's shell. A command that fails is an
   * answer; only a lost connection or a deadline throws. A command that runs into its deadline may live on in the host.
   */
  async exec(command: string | readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { stdout, stderr, exitCode } = await this.execBytes(command, options)
    return { stdout: stdout.toString('utf8'), stderr, exitCode }
  }

  /** As `exec`, for output that is not text. */
  async execBytes(
    command: string | readonly string[],
    options: ExecOptions = {},
  ): Promise<{ stdout: Buffer; stderr: string; exitCode: number }> {
    const line = commandLine(command)
    const timeoutMs = options.timeoutMs ?? execTimeoutMs
    const result = await execa('ssh', channelArguments(this.#ssh, line), {
      reject: false,
      encoding: 'buffer',
      stripFinalNewline: false,
      timeout: timeoutMs,
      // On a milder signal ssh would wait for the command's end.
      killSignal: 'SIGKILL',
      maxBuffer: 2 ** 30,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    })
    const stderr = Buffer.from(result.stderr).toString('utf8')
    if (result.timedOut) throw new Error(`${this.name}: no end after ${timeoutMs} ms: ${line}`)
    if (result.exitCode === undefined || result.exitCode === sshFailedExitCode) {
      throw new Error(`${this.name} cannot be reached (${stderr.trim()}): ${line}`)
    }
    return { stdout: Buffer.from(result.stdout), stderr, exitCode: result.exitCode }
  }

  /** Runs a command that must succeed and gives its output without the last line end. */
  async run(command: string | readonly string[], options: ExecOptions = {}): Promise<string> {
    const { stdout, stderr, exitCode } = await this.exec(command, options)
    if (exitCode !== 0) {
      const output = `${stdout}${stderr}`.trim()
      throw new Error(`${this.name}: exit code ${exitCode}: ${commandLine(command)}\n${output}`)
    }
    return stdout.replace(/\n$/, '')
  }

  /** Copies a file, or a folder with all that is in it, to exactly `remotePath`. */
  async upload(localPath: string, remotePath: string): Promise<void> {
    const isFolder = (await stat(localPath)).isDirectory()
    const folder = shellQuote(isFolder ? remotePath : dirname(remotePath))
    const remote = isFolder
      ? `mkdir -p ${folder} && tar -x -C ${folder}`
      : `mkdir -p ${folder} && tar -x -O > ${shellQuote(`${remotePath}.part`)} && chmod ${modeOf(await stat(localPath))} ${shellQuote(`${remotePath}.part`)} && mv ${shellQuote(`${remotePath}.part`)} ${shellQuote(remotePath)}`
    const local = isFolder
      ? ['-c', '-C', localPath, '.']
      : ['-c', '-C', dirname(localPath), basename(localPath)]
    const archive = execa('tar', local, { encoding: 'buffer', timeout: copyTimeoutMs })
    await archive.pipe('ssh', channelArguments(this.#ssh, remote), { timeout: copyTimeoutMs })
  }

  /** Copies a file of the host, or a folder with all that is in it, to exactly `localPath`. */
  async download(remotePath: string, localPath: string): Promise<void> {
    const quoted = shellQuote(remotePath)
    const isFolder = (await this.exec(`test -d ${quoted}`)).exitCode === 0
    if (!isFolder) {
      await execa('ssh', channelArguments(this.#ssh, `cat ${quoted}`), {
        stdin: 'ignore',
        stdout: { file: localPath },
        timeout: copyTimeoutMs,
      })
      return
    }
    await execa('mkdir', ['-p', localPath])
    const archive = execa('ssh', channelArguments(this.#ssh, `tar -c -C ${quoted} .`), {
      stdin: 'ignore',
      encoding: 'buffer',
      timeout: copyTimeoutMs,
    })
    await archive.pipe('tar', ['-x', '-C', localPath], { timeout: copyTimeoutMs })
  }

  /** Ends the host at once, as pulling the plug. */
  async powerCut(): Promise<void> {
    await this.#options.ask('powerCut', { host: this.name })
  }

  /** Switches a host on. Does nothing when it is on. */
  async start(): Promise<void> {
    await this.#options.ask('start', { host: this.name })
  }

  /** Asks the host to reboot, and returns before it has. */
  async reboot(): Promise<void> {
    await this.#options.ask('reboot', { host: this.name }, 60_000)
  }

  async status(): Promise<HostStatus> {
    const { hosts } = await this.#options.ask('status', {})
    const status = hosts.find((host) => host.name === this.name)
    if (!status) throw new Error(`the lab has no host ${this.name} any more`)
    return status
  }

  async waitUntilUp(timeoutMs = 420_000): Promise<void> {
    const status = await waitUntil(
      async () => {
        const now = await this.status()
        // A host that is off will not come up by itself. Any other problem is thrown, to become the cause of a timeout.
        if (now.phase === 'off' || now.phase === 'up') return now
        throw new Error(`${this.name} is ${now.phase}: ${now.lastProblem ?? 'no problem so far'}`)
      },
      { description: `${this.name} to be up`, timeoutMs, intervalMs: 250 },
    )
    if (status.phase === 'off') {
      throw new Error(`${this.name} is off: ${status.lastProblem ?? 'it was not started'}`)
    }
  }

  /** Everything that Xen and Linux wrote to the console, over all starts of the host. */
  consoleLog(): Promise<string> {
    return readFrom(this.#options.paths.consoleLog(this.name), 0)
  }
}

function modeOf(stats: { readonly mode: number }): string {
  return (stats.mode & 0o777).toString(8)
}

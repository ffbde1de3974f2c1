import { execa } from 'execa'

export interface SshTarget {
  readonly port: number
  readonly privateKey: string
  readonly controlSocket: string
}

/**
 * One connection per host stays open (the master, owned by the supervisor) and every command is a channel of it:
 * an emulated CPU needs a second for a key exchange.
 */
const commonOptions = [
  ['StrictHostKeyChecking', 'no'],
  ['UserKnownHostsFile', '/dev/null'],
  ['LogLevel', 'ERROR'],
  ['BatchMode', 'yes'],
  // Cheapest without AES instructions, and without the post-quantum exchange that is tried first by default.
  ['Ciphers', 'chacha20-poly1305@openssh.com'],
  ['KexAlgorithms', 'curve25519-sha256'],
  ['PreferredAuthentications', 'publickey'],
  ['ConnectTimeout', '20'],
  // Ends a connection whose host went away without a word, by a crash or a power cut.
  ['ServerAliveInterval', '5'],
  ['ServerAliveCountMax', '12'],
].flatMap(([name, value]) => ['-o', `${name}=${value}`])

export interface Connection {
  readonly ended: Promise<void>
  close(): void
}

/** Opens the connection that all commands share. It ends with this process, or when the host does not answer. */
export function openConnection(target: SshTarget): Connection {
  const options = ['-i', target.privateKey, '-p', String(target.port), '-o', 'ControlMaster=yes']
  const ssh = ['ssh', ...commonOptions, ...options, '-S', target.controlSocket, '-N']
  const subprocess = execa('setpriv', ['--pdeathsig', 'TERM', ...ssh, 'root@127.0.0.1'], {
    reject: false,
    stdio: 'ignore',
  })
  return {
    ended: subprocess.then(() => undefined),
    close: () => subprocess.kill('SIGTERM'),
  }
}

export async function isConnectionReady(target: SshTarget): Promise<boolean> {
  const { exitCode } = await execa('ssh', ['-S', target.controlSocket, '-O', 'check', 'host'], {
    reject: false,
    stdin: 'ignore',
    timeout: 10_000,
  })
  return exitCode === 0
}

/** Arguments for the local `ssh` that runs one command over the open connection, and only over that. */
export function channelArguments(target: SshTarget, command: string): string[] {
  const onlyTheOpenOne = ['-o', 'ControlMaster=no', '-o', 'ProxyCommand=false']
  return [...commonOptions, ...onlyTheOpenOne, '-S', target.controlSocket, 'root@host', command]
}

export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_/.,:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

export function commandLine(command: string | readonly string[]): string {
  return typeof command === 'string' ? command : command.map(shellQuote).join(' ')
}

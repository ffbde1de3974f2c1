import { execa, type ResultPromise } from 'execa'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandResult, CommandRunner, RunOptions } from '../../ports/command-runner.ts'
import { ResidentShell } from './resident-shell.ts'

const defaultTimeoutMs = 60_000
const outputCharactersMax = 2_000

/** Runs programs of this host. Their messages are asked for in plain English, since parsers read them. */
export const systemCommandRunner: CommandRunner = {
  async run(command, args, options = {}) {
    const result = await execute(command, args, options)
    if (result.exitCode !== 0) throw failed(command, args, `exit code ${result.exitCode}`, result)
    return result
  },

  probe: execute,

  start(command, args) {
    requirePlain(command, args)
    const child = execa(command, args, {
      ...common,
      buffer: false,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const ended = child.then((result) => result.exitCode ?? null)
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      kill: (signal) => void child.kill(signal),
    }
  },
}

/** The one place that every argument passes: a line break or a zero in one is never meant by us. */
function requirePlain(command: string, args: readonly string[]): void {
  const strange = args.find((argument) => /\p{Cc}/u.test(argument))
  if (strange === undefined) return
  const reason = `${command} is not given ${JSON.stringify(strange)}, which cannot be printed`
  throw new CrosspoolError('BAD_REQUEST', { reason })
}

const shells: ResidentShell[] = []
/** What runs side by side in a handover, of a few disks. */
const shellsMax = 4

/** Null: all are busy, and there are enough. */
function idleShell(): ResidentShell | null {
  const idle = shells.find(({ isBusy }) => !isBusy)
  if (idle || shells.length === shellsMax) return idle ?? null
  const shell = new ResidentShell({ ...process.env, LC_ALL: 'C' })
  shells.push(shell)
  return shell
}

async function executeBriefly(
  shell: ResidentShell,
  command: string,
  args: readonly string[],
  { input = '', timeoutMs = defaultTimeoutMs, signal }: RunOptions,
): Promise<CommandResult> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const stop = signal ? AbortSignal.any([signal, timeout]) : timeout
  const lines = input === '' ? [] : input.replace(/\n$/, '').split('\n')
  const result = await shell.run([command, ...args], lines, stop)
  if (typeof result !== 'string') return result
  const stopped = timeout.aborted ? 'timed out' : 'cancelled'
  const how = result === 'died' ? 'the shell that ran it has died' : stopped
  throw failed(command, args, how, { stdout: '', stderr: '' })
}

const common = { reject: false, env: { LC_ALL: 'C' } } as const

async function execute(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  requirePlain(command, args)
  const shell = options.isBrief ? idleShell() : null
  if (shell) return await executeBriefly(shell, command, args, options)
  const result = await started(command, args, options)
  const { exitCode, stdout, stderr } = result
  if (exitCode === undefined) {
    const how = result.timedOut
      ? 'timed out'
      : result.isCanceled
        ? 'cancelled'
        : (result.signal ?? 'could not be started')
    throw failed(command, args, how, { stdout, stderr }, result.originalMessage)
  }
  return { exitCode, stdout, stderr }
}

function started(command: string, args: readonly string[], options: RunOptions) {
  const { input, inherited } = options
  // Any number will do, but its types know of small ones alone.
  const beyond = inherited === undefined ? [] : [inherited as 3]
  return execa(command, args, {
    ...common,
    env: { ...common.env, ...options.environment },
    timeout: options.timeoutMs ?? defaultTimeoutMs,
    ...(input === undefined ? {} : { input }),
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...beyond],
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  }) as ResultPromise<{ reject: false; encoding: 'utf8' }>
}

function failed(
  command: string,
  args: readonly string[],
  how: string,
  output: { stdout: string; stderr: string },
  cause?: unknown,
) {
  const text = (output.stderr || output.stdout).trim().slice(-outputCharactersMax) || 'no output'
  return new CrosspoolError(
    'COMMAND_FAILED',
    { command: [command, ...args].join(' '), how, output: text },
    cause,
  )
}

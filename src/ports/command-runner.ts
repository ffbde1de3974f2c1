/** Runs programs without a shell. */
export interface CommandRunner {
  /** Resolves with the output when the program ended with 0. @throws COMMAND_FAILED with how it ended and its output */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>
  /** As `run`, but any exit code resolves; only a program that cannot be started or is stopped rejects. */
  probe(command: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>
  /** Starts a program whose output is read line by line, or as raw streams, while it runs. */
  start(command: string, args: readonly string[]): RunningCommand
}

export interface RunOptions {
  readonly input?: string
  /** 60 s unless told. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly environment?: Readonly<Record<string, string>>
  /** A file descriptor of this process, which the program has as 3. */
  readonly inherited?: number
}

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCommand {
  readonly stdin: NodeJS.WritableStream
  readonly stdout: NodeJS.ReadableStream
  readonly stderr: NodeJS.ReadableStream
  /** Resolves with the exit code, or null when a signal ended it. Never rejects. */
  readonly ended: Promise<number | null>
  kill(signal?: NodeJS.Signals): void
}

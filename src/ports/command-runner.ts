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
  /**
   * It ends soon, and leaves no process behind: then it may be started by one that is there already, which takes less
   * time. Its input is whole lines, and a signal that ends it is told as a shell does: 128 and its number.
   */
  readonly isBrief?: boolean
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

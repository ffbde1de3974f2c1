/** The world around the command, so that tests can stand in for it. */
export interface Surroundings {
  readonly stdout: Output
  readonly stderr: Output
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Calls `listener` at Ctrl-C instead of ending the process. Answers how to stop. */
  onInterrupt(listener: () => void): () => void
}

interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Time and timers, passed in so that a simulation can replay them. */
export interface Clock {
  /** Milliseconds since 1970; may jump. For people and for comparing hosts. */
  now(): number
  /** Milliseconds that only grow. For deadlines and durations. */
  monotonicMs(): number
  /** Rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Randomness, passed in for the same reason. */
export interface Random {
  uuid(): string
  /** `bytes` random bytes as lower-case hexadecimal digits. */
  hex(bytes: number): string
}

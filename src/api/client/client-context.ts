import type { Fetch } from './http.ts'

/** What all calls of one client have in common. */
export interface ClientContext {
  readonly url: string
  readonly fetch: Fetch
  readonly timeoutMs: number
}

export interface WatchOptions {
  readonly signal?: AbortSignal
  /** Called when the connection broke; another try follows. */
  readonly onInterruption?: (error: unknown) => void
  /** Gives up after this long without an answer; 60 s unless told. */
  readonly giveUpAfterMs?: number
}

import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** What is waited for, as it should read in "gave up after 5 s waiting for ...". */
  readonly description: string
  readonly timeoutMs: number
  readonly intervalMs?: number
  readonly signal?: AbortSignal
}

export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout'
}

/**
 * Asks `condition` until it gives something other than undefined or false, and returns that. An exception from
 * `condition` counts as "not yet"; the last one becomes the cause when the time is over.
 */
export async function waitUntil<Value>(
  condition: () => Promise<Value | undefined | false> | Value | undefined | false,
  options: WaitOptions,
): Promise<Value> {
  const deadlineMs = performance.now() + options.timeoutMs
  let lastError: unknown
  for (;;) {
    options.signal?.throwIfAborted()
    try {
      const value = await condition()
      if (value !== undefined && value !== false) return value
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (performance.now() >= deadlineMs) {
      const seconds = options.timeoutMs / 1000
      throw new WaitTimeout(`gave up after ${seconds} s waiting for ${options.description}`, {
        cause: lastError,
      })
    }
    await sleep(options.intervalMs ?? 100)
  }
}

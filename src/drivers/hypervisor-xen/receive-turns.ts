import type { ReceiveTurn } from './incoming-domain.ts'

/**
 * xl holds a lock of the whole host from the head of the stream until the memory is across, so of
 * two receivers one would stand still with its stream open. They wait here instead, before they ask
 * for memory at all.
 */
export function createReceiveTurns(): ReceiveTurn {
  let last: Promise<void> = Promise.resolve()
  return async (signal) => {
    const before = last
    let release: () => void = () => {}
    const own = new Promise<void>((resolve) => {
      release = resolve
    })
    last = Promise.all([before, own]).then(() => {})
    try {
      await Promise.race([before, untilAborted(signal)])
    } catch (error) {
      release()
      throw error
    }
    return release
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

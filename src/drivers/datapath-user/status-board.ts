import { createOrderedListeners } from '../../lib/ordered-listeners.ts'
import type { MirrorStatus } from '../../ports/datapath.ts'

/** The latest status of one mirror, for whoever watches it. */
export interface StatusBoard {
  readonly status: MirrorStatus
  /** Tells the listeners, unless nothing has changed. */
  set(change: Partial<MirrorStatus>): void
  /** Calls `listener` at once and at every change. Answers how to stop. */
  watch(listener: (status: MirrorStatus) => void): () => void
}

export function createStatusBoard(): StatusBoard {
  const listeners = createOrderedListeners<MirrorStatus>()
  let status: MirrorStatus = {
    ...{ state: 'connecting', outOfSyncBytes: 0, sentBytes: 0, reason: null },
  }
  return {
    get status() {
      return status
    },
    set(change) {
      const next = { ...status, ...change }
      if (JSON.stringify(next) === JSON.stringify(status)) return
      status = next
      listeners.emit(next)
    },
    watch(listener) {
      const stop = listeners.add(listener)
      listener(status)
      return stop
    },
  }
}

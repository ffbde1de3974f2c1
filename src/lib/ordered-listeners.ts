/**
 * Delivers events to listeners in the order in which they were emitted, also when a listener emits
 * another one. A listener that throws harms neither the emitter nor the other listeners: its error
 * becomes an uncaught exception.
 */
export interface OrderedListeners<Event> {
  /** Answers how to stop; after that the listener is not called again. */
  add(listener: (event: Event) => void): () => void
  emit(event: Event): void
  /** Stops all listeners. */
  clear(): void
}

export function createOrderedListeners<Event>(): OrderedListeners<Event> {
  const listeners = new Set<{ readonly call: (event: Event) => void }>()
  const queue: Event[] = []
  let delivering = false

  return {
    add(call) {
      const listener = { call }
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    emit(event) {
      queue.push(event)
      if (delivering) return
      delivering = true
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        for (const listener of [...listeners]) {
          if (listeners.has(listener)) callSafely(listener.call, next)
        }
      }
      delivering = false
    },

    clear: () => listeners.clear(),
  }
}

function callSafely<Event>(call: (event: Event) => void, event: Event): void {
  try {
    call(event)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

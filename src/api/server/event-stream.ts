import { Readable } from 'node:stream'

export interface EventStreamOptions {
  readonly subscribe: (listener: (event: unknown) => void) => () => void
  readonly encode: (event: unknown) => string
  readonly isLast: (event: unknown) => boolean
  readonly heartbeatMs: number
  /** Ends the stream when aborted. */
  readonly closing: AbortSignal
}

/**
 * Server-sent events. Each event is a whole document, so a reader that is slower than the events
 * gets the newest one and misses those between. Comments in between show that the line is alive.
 */
export function createEventStream(options: EventStreamOptions): Readable {
  // Begins with a comment, so that the answer's head goes out at once.
  let waiting: string | null = ': begins\n\n'
  let hasRoom = false
  let hasLast = false
  let ended = false
  let stop: (() => void) | null = null

  const stream = new Readable({
    highWaterMark: 16 * 1024,
    read() {
      hasRoom = true
      flush()
    },
    destroy(error, done) {
      finish()
      done(error)
    },
  })

  function flush(): void {
    if (!hasRoom || ended || stream.destroyed) return
    if (waiting !== null) {
      const chunk = waiting
      waiting = null
      hasRoom = stream.push(chunk)
    }
    if (!hasLast) return
    ended = true
    stream.push(null)
  }

  function finish(): void {
    clearInterval(heartbeat)
    options.closing.removeEventListener('abort', end)
    stop?.()
    stop = null
  }

  function end(): void {
    if (hasLast) return
    hasLast = true
    finish()
    flush()
  }

  function listener(event: unknown): void {
    if (hasLast) return
    try {
      waiting = `data: ${options.encode(event)}\n\n`
      if (options.isLast(event)) end()
      else flush()
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }

  const heartbeat = setInterval(() => {
    waiting ??= ': alive\n\n'
    flush()
  }, options.heartbeatMs).unref()
  options.closing.addEventListener('abort', end)
  const stopSubscription = options.subscribe(listener)
  // The source may have told its last event while subscribing.
  if (hasLast || stream.destroyed) stopSubscription()
  else stop = stopSubscription
  if (options.closing.aborted) end()
  return stream
}

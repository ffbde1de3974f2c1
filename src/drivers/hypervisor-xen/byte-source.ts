/**
 * Reads a stream by pulling, and never destroys it: whoever reads the memory off a connection
 * still wants to write to it.
 */
export interface ByteSource {
  /** What is there, at least one byte; null at the end. @throws the stream's error */
  next(): Promise<Buffer | null>
  /** Exactly this many bytes; null when the stream ended before. */
  read(length: number): Promise<Buffer | null>
  /** Puts bytes back to be read first. */
  unread(bytes: Buffer): void
  /** Throws away all that still comes, so that the stream can end. */
  drain(): void
}

export function createByteSource(stream: NodeJS.ReadableStream): ByteSource {
  let held: Buffer | null = null
  let outcome: { readonly error: unknown } | 'ended' | null = null
  let wake: () => void = () => {}

  const note = (result: { readonly error: unknown } | 'ended') => {
    outcome ??= result
    wake()
  }
  const onReadable = () => wake()
  stream.on('readable', onReadable)
  stream.on('end', () => note('ended'))
  stream.on('close', () => note('ended'))
  stream.on('error', (error: unknown) => note({ error }))

  async function next(): Promise<Buffer | null> {
    for (;;) {
      if (held !== null) {
        const bytes = held
        held = null
        return bytes
      }
      const bytes = stream.read()
      if (bytes !== null) return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
      if (outcome === 'ended') return null
      if (outcome !== null) throw outcome.error
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  function unread(bytes: Buffer): void {
    if (bytes.length > 0) held = held === null ? bytes : Buffer.concat([bytes, held])
  }

  return {
    next,
    unread,
    async read(length) {
      const parts: Buffer[] = []
      for (let missing = length; missing > 0; ) {
        const bytes = await next()
        if (bytes === null) return null
        parts.push(bytes.subarray(0, missing))
        unread(bytes.subarray(missing))
        missing -= Math.min(missing, bytes.length)
      }
      return Buffer.concat(parts)
    },
    drain() {
      stream.removeListener('readable', onReadable)
      stream.resume()
    },
  }
}

/** Moves bytes until the source ends, no faster than the sink takes them. Ends neither. */
export async function pump(
  source: ByteSource,
  sink: NodeJS.WritableStream,
  onBytes: (count: number) => void,
): Promise<void> {
  for (;;) {
    const bytes = await source.next()
    if (bytes === null) return
    await write(sink, bytes)
    onBytes(bytes.length)
  }
}

/** Resolves when the sink takes more; rejects when it never will. */
export async function write(sink: NodeJS.WritableStream, bytes: Buffer): Promise<void> {
  if (!sink.writable) throw new Error('the stream is closed')
  if (sink.write(bytes)) return
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: unknown) => {
      sink.removeListener('drain', onDrain)
      sink.removeListener('close', onClose)
      sink.removeListener('error', settle)
      error === undefined ? resolve() : reject(error)
    }
    const onDrain = () => settle()
    const onClose = () => settle(new Error('the stream was closed'))
    sink.on('drain', onDrain)
    sink.on('close', onClose)
    sink.on('error', settle)
  })
}

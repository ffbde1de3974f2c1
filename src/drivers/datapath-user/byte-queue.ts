/** Bytes that come in pieces of any size, taken in pieces of a wanted size, one taker at a time. */
export interface ByteQueue {
  push(chunk: Buffer): void
  /** Rejects when the queue has ended first. */
  take(lengthBytes: number): Promise<Buffer>
  end(error: Error): void
}

export function createByteQueue(): ByteQueue {
  const chunks: Buffer[] = []
  let heldBytes = 0
  let failure: Error | null = null
  let taker: (() => void) | null = null

  function cut(lengthBytes: number): Buffer {
    const whole = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
    const rest = whole.subarray(lengthBytes)
    chunks.length = 0
    if (rest.length > 0) chunks.push(rest)
    heldBytes = rest.length
    return whole.subarray(0, lengthBytes)
  }

  return {
    push(chunk) {
      chunks.push(chunk)
      heldBytes += chunk.length
      taker?.()
    },

    take(lengthBytes) {
      return new Promise((resolve, reject) => {
        taker = () => {
          if (heldBytes < lengthBytes && failure === null) return
          taker = null
          if (heldBytes >= lengthBytes) resolve(cut(lengthBytes))
          else if (failure) reject(failure)
        }
        taker()
      })
    },

    end(error) {
      failure = error
      taker?.()
    },
  }
}

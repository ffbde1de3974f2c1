import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { CrosspoolError } from '../../model/errors.ts'

/** What the two simulated hypervisors say to each other: a letter, a length, a payload. */
export interface Frame {
  readonly type: FrameType
  readonly payload: Buffer
}
export type FrameType = 'memory' | 'paused' | 'rest' | 'ready' | 'failed'

const typeByLetter: Readonly<Record<string, FrameType>> = {
  M: 'memory',
  P: 'paused',
  R: 'rest',
  Y: 'ready',
  F: 'failed',
}
const headBytes = 5

export interface FrameChannel {
  /** Resolves when the stream takes more. @throws MEMORY_STREAM_FAILED when it is closed */
  send(type: FrameType, payload: Buffer): Promise<void>
  /** @throws MEMORY_STREAM_FAILED when the stream ended or broke before a whole frame was there */
  next(): Promise<Frame>
  close(): void
}

export function createFrameChannel(stream: Duplex): FrameChannel {
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]()
  const closed = new AbortController()
  stream.on('error', () => closed.abort())
  stream.on('close', () => closed.abort())
  let held: Buffer = Buffer.alloc(0)

  async function take(bytes: number): Promise<Buffer> {
    while (held.length < bytes) {
      const chunk = await chunks.next().catch((error: unknown) => broken('it was cut', error))
      if (chunk.done) return broken('the other side closed it')
      held = Buffer.concat([held, chunk.value])
    }
    const taken = held.subarray(0, bytes)
    held = held.subarray(bytes)
    return taken
  }

  return {
    async send(type, payload) {
      if (stream.destroyed || stream.writableEnded) broken('it is closed')
      const head = Buffer.alloc(headBytes)
      head.write(letterOf(type), 'latin1')
      head.writeUInt32BE(payload.length, 1)
      if (stream.write(Buffer.concat([head, payload]))) return
      await once(stream, 'drain', { signal: closed.signal }).catch((error: unknown) =>
        broken('it was cut', error),
      )
    },
    async next() {
      const head = await take(headBytes)
      const type = typeByLetter[head.toString('latin1', 0, 1)]
      if (type === undefined) return broken('it carries something else')
      return { type, payload: await take(head.readUInt32BE(1)) }
    },
    close: () => void stream.destroy(),
  }
}

function letterOf(type: FrameType): string {
  return Object.entries(typeByLetter).find(([, name]) => name === type)?.[0] ?? '?'
}

function broken(reason: string, cause?: unknown): never {
  throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason }, cause)
}

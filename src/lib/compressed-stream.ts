import { Duplex, type Readable } from 'node:stream'
import { constants, createDeflate, createInflate } from 'node:zlib'

/**
 * Two ends of a link that carries compressed what is written to the first: it comes out of the second as it was
 * written. What goes the other way goes as it is. Whatever was written crosses without waiting for more, as on the link itself;
 * each end takes no more than what follows it takes, ends when the other one ends, and breaks when the link does.
 */

/** The fastest; what it leaves larger costs less than a slower one. */
const level = 1
/** What is written meanwhile is compressed together. */
const batchBytes = 256 * 1024
const pieceBytes = 64 * 1024

export interface CompressingStream {
  readonly stream: Duplex
  /** Compressed, and given to the link. */
  crossedBytes(): number
}

/** Compresses what is written to it. A write is done when the link has taken it. */
export function compressing(link: Duplex): CompressingStream {
  let crossedBytes = 0
  const deflate = createDeflate({ level, chunkSize: pieceBytes, flush: constants.Z_SYNC_FLUSH })
  deflate.on('data', (piece: Buffer) => {
    crossedBytes += piece.length
    link.write(piece)
  })
  deflate.on('error', (error) => stream.destroy(error))
  const stream = over(link, {
    source: () => link,
    write(bytes, done) {
      // An empty write is taken after all that came before it.
      const wait = () => link.write('', done)
      if (bytes.length === 0) return void wait()
      deflate.write(bytes, (error) => (error ? done(error) : wait()))
    },
    end: (done) => void deflate.once('end', () => link.end(done)).end(),
    destroy: () => deflate.destroy(),
  })
  return { stream, crossedBytes: () => crossedBytes }
}

/** Decompresses what comes, as it is read. What is not compressed data breaks it. */
export function decompressing(link: Duplex): Duplex {
  // A link that ends in the middle ends here too: whoever reads knows whether that was all.
  const inflate = createInflate({ chunkSize: pieceBytes, finishFlush: constants.Z_SYNC_FLUSH })
  inflate.on('error', (error) =>
    stream.destroy(new Error(`it cannot be decompressed: ${error.message}`, { cause: error })),
  )
  const stream = over(link, {
    source: () => link.pipe(inflate),
    write: (bytes, done) => void link.write(bytes, done),
    end: (done) => void link.end(done),
    destroy: () => inflate.destroy(),
  })
  return stream
}

type Done = (error?: Error | null) => void

interface Ways {
  /** What comes out, from the first time that somebody reads. */
  source(): Readable
  write(bytes: Buffer, done: Done): void
  end(done: Done): void
  destroy(): void
}

function over(link: Duplex, ways: Ways): Duplex {
  let source: Readable | null = null
  const stream = new Duplex({
    readableHighWaterMark: pieceBytes,
    writableHighWaterMark: batchBytes,
    read() {
      if (source !== null) return void source.resume()
      source = ways.source()
      source.on('data', (bytes: Buffer) => stream.push(bytes) || source?.pause())
      source.once('end', () => stream.push(null))
    },
    write: (bytes: Buffer, _encoding, done) => ways.write(bytes, done),
    writev: (parts, done) =>
      ways.write(Buffer.concat(parts.map(({ chunk }): Buffer => chunk)), done),
    final: (done) => ways.end(done),
    destroy(error, done) {
      ways.destroy()
      link.destroy()
      done(error)
    },
  })
  link.on('error', (error) => stream.destroy(error))
  if (link.destroyed) stream.destroy()
  // After its end there may be something left to read.
  link.on('close', () => link.readableEnded || stream.destroy())
  return stream
}

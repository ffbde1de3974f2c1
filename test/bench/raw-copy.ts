import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream/promises'

const chunkBytes = 1024 * 1024

/** Sends a file through TCP into another one, as plainly as can be. Answers how long that took. */
export async function rawCopy(from: string, to: string): Promise<number> {
  let received = Promise.resolve()
  const server = createServer((socket) => {
    received = pipeline(socket, createWriteStream(to))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  try {
    const startedMs = performance.now()
    const closed = new Promise<void>((resolve) => server.once('close', resolve))
    const source = createReadStream(from, { highWaterMark: chunkBytes })
    await pipeline(source, connect(address.port, '127.0.0.1'))
    server.close()
    await closed
    await received
    return performance.now() - startedMs
  } finally {
    server.close()
    await rm(to, { force: true })
  }
}

import { rm } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { streamFailed } from './stream-failed.ts'

/** A socket of ours that QEMU connects to, to send a VM's memory. */
export interface MemoryServer {
  /** Resolves when QEMU has come. Rejects when `close` was called before. */
  readonly connection: Promise<Socket>
  close(): Promise<void>
}

export async function openMemoryServer(path: string): Promise<MemoryServer> {
  await rm(path, { force: true })
  const server = createServer()
  let socket: Socket | null = null
  const connection = new Promise<Socket>((resolve, reject) => {
    server.once('connection', (connected) => {
      socket = connected
      resolve(connected)
    })
    server.once('close', () => reject(streamFailed('its socket was closed')))
  })
  connection.catch(() => {})
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return {
    connection,
    async close() {
      socket?.destroy()
      server.close()
      await rm(path, { force: true })
    },
  }
}

/** Connects to where QEMU waits for a VM's memory. */
export async function connectMemory(path: string): Promise<Socket> {
  const socket = createConnection(path)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/**
 * Carries memory from one to the other, and whatever is answered back, no faster than each takes it.
 * Resolves when `from` has ended and `to` has taken all of it; ends neither. Rejects with
 * MEMORY_STREAM_FAILED when one of them breaks before.
 */
export async function carryMemory(
  from: Duplex,
  to: Duplex,
  onBytes: (countBytes?: number) => void,
): Promise<void> {
  // No answer is expected, but one that nobody reads would stop the sender.
  to.on('data', (bytes: Buffer) => {
    if (from.writable) from.write(bytes)
  })
  await new Promise<void>((resolve, reject) => {
    let hasEnded = false
    const fail = (error?: unknown) =>
      reject(streamFailed(error instanceof Error ? error.message : 'it was closed', error))
    from.on('data', (bytes: Buffer) => {
      onBytes(bytes.length)
      if (!to.writable) return fail()
      if (to.write(bytes)) return
      from.pause()
      to.once('drain', () => {
        onBytes()
        from.resume()
      })
    })
    from.once('end', () => {
      hasEnded = true
      // An empty write is taken after all that came before it.
      to.write('', (error) => (error ? fail(error) : resolve()))
    })
    for (const stream of [from, to]) stream.on('error', fail)
    from.once('close', () => hasEnded || fail())
    to.once('close', () => fail())
    if (from.destroyed || to.destroyed) fail()
  })
}

import { mkdir, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'

/** A place in the file system to which xl's transport process connects, once; only root gets there. */
export interface TransportSocket {
  /** The shell command that xl runs in place of ssh: joins its own stdin and stdout to the socket. */
  readonly command: string
  readonly connection: Promise<Socket>
  /** Takes the socket and its connection away; safe to repeat. */
  close(): Promise<void>
}

/** socat's default of 8 KiB costs a system call too many for each page of memory. */
const transportBufferBytes = 256 * 1024

export async function openTransportSocket(
  runtimeDirectory: string,
  name: string,
): Promise<TransportSocket> {
  const directory = join(runtimeDirectory, name)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'socket')
  let connected: Socket | null = null
  const server = createServer({ allowHalfOpen: true })
  const connection = new Promise<Socket>((resolve, reject) => {
    server.once('connection', (socket) => {
      connected = socket
      socket.on('error', () => {})
      server.close()
      resolve(socket)
    })
    server.on('error', reject)
  })
  connection.catch(() => {})
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })

  return {
    command: `exec socat -t0 -b${transportBufferBytes} - 'UNIX-CONNECT:${path}'`,
    connection,
    async close() {
      connected?.destroy()
      server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

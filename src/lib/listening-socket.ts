import { createServer } from 'node:net'

/** A TCP socket that listens, to be inherited by a program. */
export interface ListeningSocket {
  /** Its file descriptor in this process. */
  readonly descriptor: number
  /** Leaves it to the program. Whoever has connected before that is turned away. */
  close(): void
}

/** Not documented by Node, which has no other way to what a server listens on. */
interface ServerHandle {
  readonly fd: number
  setNoDelay(isOn: boolean): void
}

/**
 * Its connections send at once what is small, without waiting for an acknowledgement of what was sent before: Linux
 * gives them the listening socket's TCP_NODELAY, also where the program that inherits it forgets that.
 * @throws what `listen` of node:net does, such as EADDRINUSE
 */
export async function listenForProgram(host: string, port: number): Promise<ListeningSocket> {
  const server = createServer((connection) => connection.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, resolve)
  })
  const { _handle: handle } = server as unknown as { _handle: ServerHandle }
  handle.setNoDelay(true)
  return { descriptor: handle.fd, close: () => void server.close() }
}

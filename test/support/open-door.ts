import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ApiServer } from '../../src/api/server/create-server.ts'

export type OpenServer = Omit<ApiServer, 'listen'> & {
  /** The local socket itself. */
  readonly socketPath: string
  listen(place: { readonly host: string; readonly port: number }): Promise<string>
}

/** For tests that are about something else: leads plain HTTP to the server's local socket, which lets everybody in. */
export function withOpenDoor(server: ApiServer): OpenServer {
  const folder = mkdtempSync(join(tmpdir(), 'crosspool-door-'))
  const socketPath = join(folder, 'sock')
  const door = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socketPath, allowHalfOpen: true })
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  return {
    ...server,
    socketPath,
    inject: ((given: string | object) => {
      const request = typeof given === 'string' ? { url: given } : given
      const own = 'headers' in request ? request.headers : {}
      return server.inject({
        ...request,
        headers: { authorization: 'Bearer administrator', ...Object(own) },
      })
    }) as ApiServer['inject'],
    async listen({ host, port }) {
      await server.listen({ socketPath })
      await new Promise<void>((resolve) => door.listen(port, host, resolve))
      const address = door.address() as AddressInfo
      return `http://${host}:${address.port}`
    },
    async close() {
      door.close()
      await server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

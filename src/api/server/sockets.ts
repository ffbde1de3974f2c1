import { chmodSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { CrosspoolError } from '../../model/errors.ts'

/** Listens on a Unix socket, in place of one that a stopped daemon left behind. */
export async function listenOnSocket(server: Server, path: string): Promise<Server> {
  rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
  chmodSync(path, 0o600)
  return server
}

/** A browser names the origin of the page that asks. Only pages that this server served may. */
export async function refuseForeignPages(request: FastifyRequest): Promise<void> {
  const { origin, host } = request.headers
  if (origin === undefined) return
  if (URL.canParse(origin) && new URL(origin).host === host) return
  throw new CrosspoolError('BAD_REQUEST', { reason: 'it comes from a web page of another origin' })
}

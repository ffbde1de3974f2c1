import { mkdirSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { ListenOptions as Place } from 'node:net'
import { dirname } from 'node:path'
import type { FastifyRequest } from 'fastify'
import { CrosspoolError } from '../../model/errors.ts'

/** Listens on a Unix socket that only the daemon's user may open, in place of one that a stopped daemon left behind. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  rmSync(path, { force: true })
  // The file must never have been open to others, not even before a change of its mode.
  const umask = process.umask(0o177)
  try {
    await listen(server, { path })
  } finally {
    process.umask(umask)
  }
}

export async function listen(server: Server, place: Place): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(place, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** A browser names the origin of the page that asks. Only pages that this server served may. */
export async function refuseForeignPages(request: FastifyRequest): Promise<void> {
  const { origin, host } = request.headers
  if (origin === undefined) return
  if (URL.canParse(origin) && new URL(origin).host === host) return
  throw new CrosspoolError('BAD_REQUEST', { reason: 'it comes from a web page of another origin' })
}

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { addExport, unlessRefused } from './block-commands.ts'
import { dhParameters, dhParametersName } from './dh-parameters.ts'
import type { Welcome } from './mirror-record.ts'
import type { Parts } from './parts.ts'

/**
 * A gateway is a storage daemon that stands between a disk's storage daemon and the link, one on
 * each side of a mirror. The target's listens for the source alone: both know the mirror's secret,
 * and TLS is made from it. The source's can be killed: that ends at once what waits for a dead link,
 * while a mirror's job in QEMU would make the guest wait until TCP gives up.
 */
export const gatewaySocketName = 'nbd'

const tls = 'tls'

async function addSecret(
  qmp: Qmp,
  folder: string,
  key: { readonly user: string; readonly secret: string },
  endpoint: 'client' | 'server',
): Promise<void> {
  await writeFile(join(folder, 'keys.psk'), `${key.user}:${key.secret}\n`, { mode: 0o600 })
  if (endpoint === 'server') await writeFile(join(folder, dhParametersName), dhParameters)
  const common = { 'qom-type': 'tls-creds-psk', id: tls, dir: folder, endpoint }
  const user = endpoint === 'client' ? { username: key.user } : {}
  await qmp.execute('object-add', { ...common, ...user })
}

/** Target: listens, on `wantedPort` if it is free. Answers the port. @throws NO_FREE_PORT */
export async function listen(
  parts: Parts,
  qmp: Qmp,
  folder: string,
  key: { readonly user: string; readonly secret: string },
  wantedPort: number | null,
): Promise<number> {
  await addSecret(qmp, folder, key, 'server')
  const { from, to } = parts.ports
  const range = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  const candidates = wantedPort === null ? range : [wantedPort, ...range]
  for (const port of candidates) {
    const addr = { type: 'inet', data: { host: parts.address, port: String(port) } }
    const isFree = await unlessRefused(/in use/, () =>
      qmp.execute('nbd-server-start', { addr, 'tls-creds': tls }),
    )
    if (isFree) return port
  }
  throw new CrosspoolError('NO_FREE_PORT', { ...parts.ports })
}

/** Target: the witness, for the source. */
export async function offerWitness(qmp: Qmp, path: string): Promise<void> {
  await qmp.execute('blockdev-add', {
    ...{ driver: 'raw', 'node-name': 'role' },
    // This program writes to the file too, each to its own sectors. It need not outlive the host's boot.
    file: { driver: 'file', filename: path, locking: 'off' },
    cache: { 'no-flush': true },
  })
  await addExport(qmp, 'role', 'role')
}

export function dataExport(session: number): string {
  return `data-${session}`
}

/** Target: the disk, for one session of the source. */
export async function offerData(qmp: Qmp, session: number, diskSocket: string): Promise<void> {
  const name = dataExport(session)
  const server = { type: 'unix', path: diskSocket }
  await qmp.execute('blockdev-add', {
    ...{ driver: 'nbd', 'node-name': name, server, export: 'mirrored' },
    discard: 'unmap',
  })
  await addExport(qmp, name, name)
}

/** Source: a server for the disk's storage daemon and for this program. */
export async function openUplink(
  qmp: Qmp,
  folder: string,
  secret: string,
  welcome: Welcome,
): Promise<void> {
  await addSecret(qmp, folder, { user: welcome.user, secret }, 'client')
  const addr = { type: 'unix', data: { path: join(folder, gatewaySocketName) } }
  await qmp.execute('nbd-server-start', { addr })
}

/** Source: makes an export of the target's gateway reachable as `name`. */
export async function forward(
  qmp: Qmp,
  { address, port }: Welcome,
  remoteName: string,
  name: string,
): Promise<void> {
  const server = { type: 'inet', host: address, port: String(port) }
  await qmp.execute('blockdev-add', {
    ...{ driver: 'nbd', 'node-name': name, server, export: remoteName },
    ...{ 'tls-creds': tls, 'tls-hostname': address, discard: 'unmap' },
  })
  await addExport(qmp, name, name)
}

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../lib/error-code.ts'
import { listenForProgram } from '../../lib/listening-socket.ts'
import { optionValue } from '../../lib/qmp/option-value.ts'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { addExport, exportIds } from './block-commands.ts'
import { dhParameters, dhParametersName } from './dh-parameters.ts'
import type { Welcome } from './mirror-record.ts'
import type { Parts } from './parts.ts'
import { type StorageDaemon, startStorageDaemon } from './storage-daemon.ts'

/**
 * A gateway is a storage daemon that stands between a disk's storage daemon and the link, one on
 * each side of a mirror. The target's listens for the source alone: both know the mirror's secret,
 * and TLS is made from it. The source's can be killed: that ends at once what waits for a dead link,
 * while a mirror's job in QEMU would make the guest wait until TCP gives up.
 */
export const gatewaySocketName = 'nbd'

const tls = 'tls'

interface Key {
  readonly user: string
  readonly secret: string
}

async function writeKeys(folder: string, { user, secret }: Key): Promise<void> {
  await writeFile(join(folder, 'keys.psk'), `${user}:${secret}\n`, { mode: 0o600 })
}

/** Target: one that listens on the first of these ports that is free. @throws NO_FREE_PORT */
export async function startListening(
  parts: Parts,
  folder: string,
  key: Key,
  ports: readonly number[],
): Promise<{ readonly gateway: StorageDaemon; readonly port: number }> {
  await writeKeys(folder, key)
  await writeFile(join(folder, dhParametersName), dhParameters)
  const { socket, port } = await listenOnFreePort(parts, ports)
  try {
    const gateway = await startStorageDaemon(parts, folder, {
      // The NBD server of QEMU before 8.1 leaves Nagle's algorithm on, unless it inherits a socket that has it off.
      inherited: socket.descriptor,
      options: [
        ...['--object', `tls-creds-psk,id=${tls},dir=${optionValue(folder)},endpoint=server`],
        ...['--nbd-server', `addr.type=fd,addr.str=3,tls-creds=${tls}`],
      ],
    })
    return { gateway, port }
  } finally {
    socket.close()
  }
}

async function listenOnFreePort({ address, ports: range }: Parts, ports: readonly number[]) {
  for (const port of ports) {
    try {
      return { socket: await listenForProgram(address, port), port }
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw error
    }
  }
  throw new CrosspoolError('NO_FREE_PORT', { ...range })
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

export async function offersWitness(qmp: Qmp): Promise<boolean> {
  return (await exportIds(qmp)).has('role')
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
  const { user } = welcome
  await writeKeys(folder, { user, secret })
  const credentials = { id: tls, dir: folder, endpoint: 'client', username: user }
  await qmp.execute('object-add', { 'qom-type': 'tls-creds-psk', ...credentials })
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

import { CrosspoolError } from '../../model/errors.ts'
import type { VmDisk } from '../../model/vm.ts'

/**
 * A server that has gone away is waited for this long before the guest would see an error. It goes
 * away while disks are handed over, and a guest that is made to wait loses nothing.
 */
const reconnectSeconds = 365 * 24 * 60 * 60

type BlockNode = Readonly<Record<string, unknown>>

/** The block node (as `blockdev-add` wants it) for a device that a VM is given. @throws BAD_REQUEST */
export function blockNodeOf(disk: VmDisk, platform: NodeJS.Platform): BlockNode {
  const common = {
    'node-name': `disk-${disk.slot}`,
    'read-only': disk.readOnly,
    discard: 'unmap',
  }
  if (/^\/dev\/[^\0\n]+$/.test(disk.device)) {
    return {
      ...common,
      driver: 'host_device',
      filename: disk.device,
      // Without the host's cache: after a handover somebody else writes to what lies below.
      cache: { direct: true },
      aio: platform === 'linux' ? 'native' : 'threads',
    }
  }
  const { socket, name } = parseNbdUri(disk.device)
  return {
    ...common,
    driver: 'nbd',
    server: { type: 'unix', path: socket },
    export: name,
    'reconnect-delay': reconnectSeconds,
  }
}

function parseNbdUri(device: string): { readonly socket: string; readonly name: string } {
  const url = URL.canParse(device) ? new URL(device) : null
  const socket = url?.searchParams.get('socket') ?? ''
  if (url?.protocol === 'nbd+unix:' && url.host === '' && socket.startsWith('/')) {
    const name = decoded(url.pathname.replace(/^\//, ''))
    if (name !== null) return { socket, name }
  }
  const reason = `${device} is neither a block device nor an NBD URI with a Unix socket`
  throw new CrosspoolError('BAD_REQUEST', { reason })
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

import type { Disk } from '../../ports/datapath.ts'

/**
 * The nodes in a disk's storage daemon:
 *
 *   vm ──► volume                     the VM's device, as large as the disk
 *      └─► fence                      in place of it: every read and write fails
 *   mirrored ──► volume               what the gateway of a mirror's target writes to
 *   filter ──► vm, target             while a mirror runs at its source, or the disk moves to another volume
 *   target ──► copy                   that other volume, as large as the disk
 *   copier ──► beneath ──► volume     between `vm` and the volume, while a mirror copies what differs
 *      └─► copies ──► second-way      where the copier copies to
 */
export const nodes = {
  ...{ vm: 'vm', volume: 'volume', fence: 'fence', mirrored: 'mirrored' },
  ...{ filter: 'mirror-filter', target: 'mirror-target', copy: 'copy' },
  ...{ copier: 'copier', beneath: 'beneath', copies: 'copies', secondWay: 'second-way' },
} as const

type NodeOptions = Readonly<Record<string, unknown>>

const drivers = { raw: 'raw', qcow2: 'qcow2', vhd: 'vpc' } as const

export function volumeNode({ volumePath, format }: Disk, name: string = nodes.volume): NodeOptions {
  const isDevice = volumePath.startsWith('/dev/')
  // Another host may write to a device that both reach, so nothing of it may stay in this one's cache.
  const cache = isDevice ? { cache: { direct: true } } : {}
  const driver = isDevice ? 'host_device' : 'file'
  const file = { driver, filename: volumePath, discard: 'unmap', ...cache }
  const top = { driver: drivers[format], 'node-name': name, discard: 'unmap', ...cache }
  return { ...top, file: format === 'raw' ? alone(file) : file }
}

/** Formats let nobody else write to their file; a raw volume would, unless this is put above it. */
function alone(file: NodeOptions): NodeOptions {
  return {
    ...{ driver: 'blkdebug', discard: 'unmap', image: file },
    'unshare-child-perms': ['write', 'resize'],
  }
}

const ioError = 5

export function fenceNode({ sizeBytes }: Disk): NodeOptions {
  const image = { driver: 'null-co', size: sizeBytes, 'read-zeroes': true }
  // A flush has nothing to lose, and a hypervisor may send one whenever it opens or closes a disk.
  const kinds = ['read', 'write', 'write-zeroes', 'discard', 'block-status']
  const errors = kinds.map((iotype) => ({ event: 'none', errno: ioError, iotype }))
  return { driver: 'blkdebug', 'node-name': nodes.fence, image, 'inject-error': errors }
}

export function vmNode(disk: Disk, leadsTo: 'volume' | 'fence' | 'copier'): NodeOptions {
  return sized(nodes.vm, disk, nodes[leadsTo])
}

export function mirroredNode(disk: Disk): NodeOptions {
  return sized(nodes.mirrored, disk, nodes.volume)
}

/** What is zero takes no room in the copy. */
export function copyTargetNode(disk: Disk): NodeOptions {
  return { ...sized(nodes.target, disk, nodes.copy), 'detect-zeroes': 'unmap' }
}

/** A format may round its size up. */
function sized(name: string, { sizeBytes }: Disk, file: string): NodeOptions {
  return { driver: 'raw', 'node-name': name, size: sizeBytes, discard: 'unmap', file }
}

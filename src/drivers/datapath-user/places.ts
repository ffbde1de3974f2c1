import { join } from 'node:path'
import type { Mirror } from '../../ports/datapath.ts'
import type { Parts } from './parts.ts'

type Root = Pick<Parts, 'runtimeDirectory'>

export function disksDirectory({ runtimeDirectory }: Root): string {
  return join(runtimeDirectory, 'disks')
}

/** Of one disk: its storage daemon, the socket that its VM connects to, and the record. */
export function diskFolder(root: Root, vdi: string): string {
  return join(disksDirectory(root), vdi)
}

/** Where a disk's storage daemon serves its VM, and the gateway beside it. */
export function diskSocket(root: Root, vdi: string): string {
  return join(diskFolder(root, vdi), 'nbd')
}

/** What the hypervisor is given: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md */
export function deviceUri(root: Root, vdi: string): string {
  return `nbd+unix:///vm?socket=${encodeURI(diskSocket(root, vdi))}`
}

/** Of a mirror's target, in its folder. */
export const witnessName = 'role'

export function mirrorsDirectory({ runtimeDirectory }: Root): string {
  return join(runtimeDirectory, 'mirrors')
}

/** Of one side of a mirror: its gateway, the key, the record and, at the target, the witness. With the end in it, since a mirror between two disks of one host has both there. */
export function mirrorFolder(root: Root, { id, end }: Pick<Mirror, 'id' | 'end'>): string {
  return join(mirrorsDirectory(root), `${id}-${end}`)
}

import type { Disk, HandoverDisk, Mirror } from '../../ports/datapath.ts'

/** All our devices, resources and metadata begin with it; nothing of the administrator's does. */
export const namePrefix = 'crosspool-'

const mapperDirectory = '/dev/mapper/'

/** The device that the VM is given: one of ours, or the administrator's own. */
export function vmDeviceName({ vdi, adopted }: Disk): string {
  if (adopted === null) return `${namePrefix}${vdi}`
  return adopted.startsWith(mapperDirectory) ? adopted.slice(mapperDirectory.length) : adopted
}

/** With the end in it, since a mirror between two repositories of one host has both there. */
export function mirrorName({ id, end }: Mirror): string {
  return `${namePrefix}${id}-${end}`
}

/** What the replicator writes to: the volume under a second name, as the VM's device leads to the replicator. */
export function backName(mirror: Mirror): string {
  return `${mirrorName(mirror)}-back`
}

/** What is beyond the disk in the replicator's device. */
export function padName(mirror: Mirror): string {
  return `${mirrorName(mirror)}-pad`
}

/** Where late I/O waits during a handover. */
export function gateName({ disk, mirror }: HandoverDisk): string {
  return mirror === null ? `${namePrefix}${disk.vdi}-gate` : `${mirrorName(mirror)}-gate`
}

/** The VDI or mirror whose id a name bears. */
export function ownerOf(name: string): string {
  return name
    .slice(namePrefix.length)
    .replace(/-(back|pad|gate)$/, '')
    .replace(/-(source|target)$/, '')
}

import type { Disk, HandoverDisk } from '../../ports/datapath.ts'
import { refuseHandover, retarget } from './datapath-device.ts'
import type { MirrorPair } from './mirror-pair.ts'
import type { StorageWorld } from './storage-world.ts'

/** What `reclaim` and `take` have in common. A peer that can be seen prevents two writers; one that cannot does not. */
export function makeWritable(
  world: StorageWorld,
  host: string,
  handover: readonly HandoverDisk[],
): void {
  for (const { mirror } of handover) {
    const pair = mirror && world.pairs.get(mirror.id)
    if (pair?.isLinked() && pair.other(host)?.role === 'primary')
      throw refuseHandover(`the other side of mirror ${pair.id} is writable`)
  }
  for (const { disk, mirror } of handover) {
    const pair = mirror && world.pairs.get(mirror.id)
    noteSecondWriter(world, host, disk, pair ?? null)
    const side = pair?.at(host)
    if (side) side.role = 'primary'
    const device = world.kernel(host).devices.get(disk.vdi)
    if (device) retarget(device, side ? 'mirror' : 'volume')
    pair?.announce()
  }
}

function noteSecondWriter(
  world: StorageWorld,
  host: string,
  disk: Disk,
  pair: MirrorPair | null,
): void {
  if (pair?.other(host)?.role === 'primary')
    world.violations.push(`mirror ${pair.id} is writable on both sides`)
  if (pair) return
  const volume = world.kernel(host).devices.get(disk.vdi)?.volume
  for (const { host: other, devices } of world.kernels()) {
    const device = other === host ? undefined : devices.get(disk.vdi)
    if (volume && device?.volume === volume && device.hasWritten && device.mode === 'volume')
      world.violations.push(`volume ${disk.vdi} is writable on two hosts`)
  }
}

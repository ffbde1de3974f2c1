import { join } from 'node:path'
import type { InventoryItem } from '../../ports/datapath.ts'
import { namesIn } from './names-in.ts'
import type { Parts } from './parts.ts'
import { disksDirectory, mirrorsDirectory } from './places.ts'

/** A folder for each disk and for each mirror, and the storage daemon that has its monitor in it. */
export async function inventory(parts: Parts): Promise<readonly InventoryItem[]> {
  const [disks, mirrors] = await Promise.all([
    itemsIn(disksDirectory(parts), (name) => name),
    itemsIn(mirrorsDirectory(parts), (name) => name.replace(/-(source|target)$/, '')),
  ])
  return [...disks, ...mirrors]
}

async function itemsIn(
  directory: string,
  ownerOf: (name: string) => string,
): Promise<readonly InventoryItem[]> {
  const items = (await namesIn(directory)).map(async (name): Promise<InventoryItem[]> => {
    const folder = join(directory, name)
    const owner = ownerOf(name)
    const reservation: InventoryItem = { kind: 'reservation', name: folder, owner }
    // Its storage daemon removes this file when it ends.
    if (!(await namesIn(folder)).includes('pid')) return [reservation]
    return [reservation, { kind: 'process', name: `qemu-storage-daemon in ${folder}`, owner }]
  })
  return (await Promise.all(items)).flat()
}

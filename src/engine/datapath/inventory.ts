import type { InventoryItem } from '../../ports/datapath.ts'
import { namePrefix, ownerOf } from './names.ts'
import type { DatapathParts } from './parts.ts'

/** Everything on this host that bears our names. */
export async function inventory(parts: DatapathParts): Promise<readonly InventoryItem[]> {
  const { blockMapper, metadataVolumes } = parts
  const [devices, volumes, replications] = await Promise.all([
    blockMapper.list(namePrefix),
    metadataVolumes.list(),
    replicated(parts),
  ])
  return [
    ...devices.map((name) => ({ kind: 'mapped-device', name, owner: ownerOf(name) }) as const),
    ...replications,
    ...volumes.flatMap(({ name, device }): InventoryItem[] => {
      const owner = ownerOf(name)
      const file: InventoryItem = { kind: 'metadata', name, owner }
      return device === null ? [file] : [file, { kind: 'loop-device', name: device, owner }]
    }),
  ]
}

async function replicated({ replicator }: DatapathParts): Promise<readonly InventoryItem[]> {
  const names = await replicator.list()
  const items = names.map(async (name): Promise<InventoryItem[]> => {
    const owner = ownerOf(name)
    const reservation: InventoryItem = { kind: 'reservation', name, owner }
    if (replicator.state(name) === null) return [reservation]
    return [reservation, { kind: 'minor', name: await replicator.devicePath(name), owner }]
  })
  return (await Promise.all(items)).flat()
}

import type { InventoryItem } from '../../ports/datapath.ts'
import { namePrefix, ownerOf } from './names.ts'
import type { DatapathParts } from './parts.ts'

/** Everything on this host that bears our names. */
export async function inventory(parts: DatapathParts): Promise<readonly InventoryItem[]> {
  const { blockMapper, metadataVolumes, links } = parts
  const [devices, volumes, linkNames, replications] = await Promise.all([
    blockMapper.list(namePrefix),
    metadataVolumes.list(),
    links?.list() ?? [],
    replicated(parts),
  ])
  return [
    ...devices.map((name) => ({ kind: 'mapped-device', name, owner: ownerOf(name) }) as const),
    ...replications,
    ...linkNames.map((name) => ({ kind: 'link', name, owner: ownerOf(name) }) as const),
    ...volumes.flatMap(({ name, device }): InventoryItem[] => {
      const owner = ownerOf(name)
      const file: InventoryItem = { kind: 'metadata', name, owner }
      return device === null ? [file] : [file, { kind: 'loop-device', name: device, owner }]
    }),
  ]
}

/** From the top down: what the VM is given, then the replicator, then what it stood on. */
export async function discard(parts: DatapathParts, owner: string): Promise<void> {
  const { blockMapper, metadataVolumes, replicator, links } = parts
  const isOwners = (name: string) => ownerOf(name) === owner
  const devices = (await blockMapper.list(namePrefix)).filter(isOwners)
  const isBeneath = (name: string) => name.endsWith('-back')
  for (const name of devices.filter((device) => !isBeneath(device))) await blockMapper.remove(name)
  for (const name of (await replicator.list()).filter(isOwners)) await replicator.down(name)
  for (const name of (await links?.list())?.filter(isOwners) ?? []) await links?.close(name)
  for (const name of devices.filter(isBeneath)) await blockMapper.remove(name)
  for (const { name } of await metadataVolumes.list())
    if (isOwners(name)) await metadataVolumes.remove(name)
  await parts.mirrors.forget(owner)
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

import { errorTable } from '../../ports/block-mapper.ts'
import type { Disk, Mirror } from '../../ports/datapath.ts'
import { backName, gateName, mirrorName, padName, vmDeviceName } from './names.ts'
import { leadsToOurs } from './original-tables.ts'
import type { DatapathParts } from './parts.ts'
import { switchTable } from './tables.ts'

/** Takes the mirror out from beneath the VM's device and removes all that was made for it. */
export async function closeMirror(
  parts: DatapathParts,
  mirror: Mirror,
  keep: 'volume' | 'nothing',
): Promise<void> {
  const { blockMapper, replicator, links, metadataVolumes } = parts
  await leadAway(parts, mirror, keep)
  await replicator.down(mirrorName(mirror))
  await links?.close(mirrorName(mirror))
  await Promise.all([
    blockMapper.remove(gateName({ disk: mirror.disk, mirror })),
    blockMapper.remove(backName(mirror)),
  ])
  await metadataVolumes.remove(mirrorName(mirror))
  await metadataVolumes.remove(padName(mirror))
  await parts.mirrors.remove(mirror)
  parts.parted.delete(mirrorName(mirror))
}

/** First the gate, if there is one: the VM's device can drain only when what waits there flows, or fails. */
async function leadAway(
  parts: DatapathParts,
  mirror: Mirror,
  keep: 'volume' | 'nothing',
): Promise<void> {
  const { blockMapper, replicator, originals } = parts
  const { disk } = mirror
  const name = vmDeviceName(disk)
  const device = await blockMapper.inspect(name)
  const original = await originals.recall(disk)
  const fence = errorTable(disk.sizeBytes)
  const gate = gateName({ disk, mirror })
  if ((await blockMapper.inspect(gate)) !== null)
    await switchTable(blockMapper, gate, keep === 'volume' && original ? original : fence)
  // Somebody else, LVM for example, may have put another table there; then it is not ours to judge.
  const isOurs = device !== null && (await leadsToOurs(device.table, replicator))
  if (isOurs && original !== null) {
    const isWhole = keep === 'volume' || isFreeAgain(disk, device.openCount)
    await switchTable(blockMapper, name, isWhole ? original : fence)
    if (isWhole) await originals.forget(disk)
  } else if (device !== null) {
    await blockMapper.clear(name)
    if (keep === 'nothing' && disk.adopted === null) await switchTable(blockMapper, name, fence)
  }
}

/** The administrator's device is put back as it was as soon as the VM's last I/O cannot reach it. */
function isFreeAgain(disk: Disk, openCount: number): boolean {
  return disk.adopted !== null && openCount === 0
}

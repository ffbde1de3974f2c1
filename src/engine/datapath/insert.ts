import { CrosspoolError } from '../../model/errors.ts'
import { type BlockTable, linearTable } from '../../ports/block-mapper.ts'
import type { Mirror, MirrorHello } from '../../ports/datapath.ts'
import { introduce, meet, replicatorSecret } from './encounter.ts'
import { followGeneration, nameGeneration } from './generations.ts'
import { backName, mirrorName, padName, vmDeviceName } from './names.ts'
import { leadsToOurs } from './original-tables.ts'
import type { DatapathParts } from './parts.ts'
import { extendTable, switchTable } from './tables.ts'

/** Target: keeps a minor, a port and a key, so that there is an answer when the source comes. */
export async function offer(parts: DatapathParts, mirror: Mirror): Promise<void> {
  await introduce(parts, mirror)
}

/** Source: tells where it will be reached, and whether it knows what differs. */
export async function prepare(parts: DatapathParts, mirror: Mirror): Promise<MirrorHello> {
  await parts.originals.remember(mirror.disk)
  const generation = await nameGeneration(parts, mirror)
  return { ...(await introduce(parts, mirror)), generation }
}

/** Target: waits for the source from now on. */
export async function accept(
  parts: DatapathParts,
  mirror: Mirror,
  hello: MirrorHello,
): Promise<MirrorHello> {
  await followGeneration(parts, mirror, hello)
  await define(parts, mirror, hello)
  parts.parted.delete(mirrorName(mirror))
  await parts.replicator.connect(mirrorName(mirror))
  return introduce(parts, mirror)
}

/**
 * Source: the replicator goes beneath the running disk before it connects. So whatever is written
 * before is on the volume that the sync copies from, and whatever is written after goes to both.
 */
export async function start(
  parts: DatapathParts,
  mirror: Mirror,
  welcome: MirrorHello,
): Promise<void> {
  const { replicator, blockMapper } = parts
  const name = mirrorName(mirror)
  const deviceName = vmDeviceName(mirror.disk)
  await define(parts, mirror, welcome)
  const device = await blockMapper.inspect(deviceName)
  if (device === null) throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: deviceName })
  // Where something of ours is beneath it already, a handover may have gone further: hands off.
  if (!(await leadsToOurs(device.table, replicator))) {
    const isTruth = (await parts.mirrors.get(mirror))?.isTruth ?? false
    await replicator.promote(name, { firstTime: isTruth })
    await switchTable(blockMapper, deviceName, await replicatedTable(parts, mirror))
  }
  parts.parted.delete(name)
  await replicator.connect(name)
}

async function define(parts: DatapathParts, mirror: Mirror, hello: MirrorHello): Promise<void> {
  const { blockMapper, metadataVolumes, replicator, originals } = parts
  const name = mirrorName(mirror)
  const { sizeBytes } = mirror.disk
  const { local, peer } = await meet(parts, mirror, hello)
  const original = await originals.remember(mirror.disk)
  const beyondBytes = replicator.deviceBytes(sizeBytes) - sizeBytes
  const beyond = beyondBytes > 0 ? await metadataVolumes.create(padName(mirror), beyondBytes) : null
  await blockMapper.create(backName(mirror), extendTable(original, beyond, beyondBytes))
  const metadataDevice = await metadataVolumes.create(name, replicator.metadataBytes(sizeBytes))
  const device = blockMapper.pathOf(backName(mirror))
  const secret = replicatorSecret(mirror)
  const { discardsReadAsZeroes = false } = mirror.disk
  const devices = { device, metadataDevice, discardsReadAsZeroes }
  await replicator.define({ name, sizeBytes, ...devices, secret, local, peer })
}

/** Where the VM's device leads while the mirror is beneath it. */
export async function replicatedTable(parts: DatapathParts, mirror: Mirror): Promise<BlockTable> {
  const path = await parts.replicator.devicePath(mirrorName(mirror))
  return linearTable(path, mirror.disk.sizeBytes)
}

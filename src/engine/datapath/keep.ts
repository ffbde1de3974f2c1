import { CrosspoolError } from '../../model/errors.ts'
import type { KeepMode } from '../../model/replication.ts'
import { errorTable } from '../../ports/block-mapper.ts'
import type { Mirror } from '../../ports/datapath.ts'
import { gateName, mirrorName, vmDeviceName } from './names.ts'
import { leadsToOurs } from './original-tables.ts'
import type { DatapathParts } from './parts.ts'
import { switchTable } from './tables.ts'

/**
 * The replicator stays as it is, with the roles that the handover has left. Its bitmap remembers what the
 * source writes while the two sides do not talk, whether they cannot or, for 'difference', shall not.
 */
export async function keepMirror(
  parts: DatapathParts,
  mirror: Mirror,
  mode: KeepMode,
): Promise<void> {
  const { replicator, mirrors, parted } = parts
  const name = mirrorName(mirror)
  assertRole(parts, mirror)
  if (mirror.side === 'target') await fenceOff(parts, mirror)
  else await removeGate(parts, mirror)
  const known = await mirrors.get(mirror)
  if (known !== null) await mirrors.put(mirror, { ...known, isTruth: mirror.side === 'source' })
  if (mode === 'every-write') return
  parted.add(name)
  await replicator.disconnect(name)
}

/** Whoever is wrong about who writes must not fence the VM off, nor forget its writes. @throws WRONG_STATE */
function assertRole({ replicator }: DatapathParts, mirror: Mirror): void {
  const role = replicator.state(mirrorName(mirror))?.role
  const needed = mirror.side === 'source' ? 'Primary' : 'Secondary'
  if (role === undefined || role === needed) return
  const operation = `Being kept as its ${mirror.side}`
  const details = { kind: 'mirror', id: mirror.id, state: role, operation, needed }
  throw new CrosspoolError('WRONG_STATE', details)
}

/** First the gate: the VM's device can drain only when what waits there fails. */
async function fenceOff(parts: DatapathParts, mirror: Mirror): Promise<void> {
  const { blockMapper, replicator } = parts
  const { disk } = mirror
  const fence = errorTable(disk.sizeBytes)
  const gate = gateName({ disk, mirror })
  const hasGate = (await blockMapper.inspect(gate)) !== null
  if (hasGate) await switchTable(blockMapper, gate, fence)
  const device = await blockMapper.inspect(vmDeviceName(disk))
  // What somebody else put beneath a device of the administrator's is not ours to judge.
  const isOurs =
    device !== null && (disk.adopted === null || (await leadsToOurs(device.table, replicator)))
  if (isOurs) await switchTable(blockMapper, vmDeviceName(disk), fence)
  if (hasGate) await blockMapper.remove(gate)
}

/** Armed, and never released. */
async function removeGate({ blockMapper }: DatapathParts, mirror: Mirror): Promise<void> {
  const { disk } = mirror
  const gate = gateName({ disk, mirror })
  if ((await blockMapper.inspect(gate)) === null) return
  await blockMapper.clear(vmDeviceName(disk))
  await blockMapper.remove(gate)
}

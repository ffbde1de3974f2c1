import { CrosspoolError } from '../../model/errors.ts'
import { type BlockTable, errorTable, linearTable } from '../../ports/block-mapper.ts'
import type { Disk } from '../../ports/datapath.ts'
import { gateName, vmDeviceName } from './names.ts'
import { leadsToOurs } from './original-tables.ts'
import type { DatapathParts } from './parts.ts'
import { isErrorTable, switchTable } from './tables.ts'

/** Makes the VM's device over its volume. One that is there keeps what is beneath it, except for a fence. */
export async function activate(parts: DatapathParts, disk: Disk): Promise<string> {
  const { blockMapper } = parts
  const name = vmDeviceName(disk)
  const device = blockMapper.pathOf(name)
  if (disk.adopted !== null) return device
  const found = await blockMapper.inspect(name)
  const table = await tableOf(parts, disk)
  if (found === null || found.table.length === 0) await blockMapper.create(name, table)
  else if (isErrorTable(found.table)) {
    // A VM that has gone away may still have I/O under way behind the fence.
    if (found.openCount > 0) throw busy(name)
    await switchTable(blockMapper, name, table)
  }
  return device
}

/** A mirror that the VM may write to stays beneath the disk when its device goes, and sees all that is written. */
async function tableOf(parts: DatapathParts, disk: Disk): Promise<BlockTable> {
  const { originals, replicator, mirrors } = parts
  const isPrimary = (name: string) => replicator.state(name)?.role === 'Primary'
  const mirror = (await mirrors.ofDisk(disk.vdi)).find(isPrimary)
  if (mirror === undefined) return originals.remember(disk)
  return linearTable(await replicator.devicePath(mirror), disk.sizeBytes)
}

/** Takes the VM's device away; an adopted one is as the administrator made it again. */
export async function deactivate(parts: DatapathParts, disk: Disk): Promise<void> {
  const { blockMapper } = parts
  const gate = gateName({ disk, mirror: null })
  const hasGate = (await blockMapper.inspect(gate)) !== null
  if (hasGate) await switchTable(blockMapper, gate, errorTable(disk.sizeBytes))
  if (disk.adopted === null) await blockMapper.remove(vmDeviceName(disk))
  else await disown(parts, disk)
  if (hasGate) await blockMapper.remove(gate)
}

/** Puts the administrator's table back once nobody has the device open, and no replica is kept beneath it. */
async function disown(parts: DatapathParts, disk: Disk): Promise<void> {
  const { blockMapper, originals, replicator, mirrors } = parts
  const isReplica = (mirror: string) => replicator.state(mirror)?.role === 'Secondary'
  if ((await mirrors.ofDisk(disk.vdi)).some(isReplica)) return
  const name = vmDeviceName(disk)
  const table = await originals.recall(disk)
  const found = await blockMapper.inspect(name)
  if (table !== null && found !== null && (await leadsToOurs(found.table, replicator))) {
    if (found.openCount > 0) throw busy(name)
    await switchTable(blockMapper, name, table)
  }
  await originals.forget(disk)
}

/** Finds the stable device of a running VM. @throws DISK_NOT_MAPPED, NOT_SUPPORTED */
export async function adopt(parts: DatapathParts, device: string): Promise<string> {
  const name = await parts.blockMapper.nameOf(device)
  if (name === null) throw new CrosspoolError('DISK_NOT_MAPPED', { device })
  // Only a table that can be read can be put back.
  await parts.blockMapper.inspect(name)
  return parts.blockMapper.pathOf(name)
}

function busy(name: string): CrosspoolError {
  return new CrosspoolError('BUSY', { kind: 'device', id: name, user: 'a VM that has it open' })
}

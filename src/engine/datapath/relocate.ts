import { CrosspoolError } from '../../model/errors.ts'
import {
  type BlockMapper,
  type BlockTable,
  linearTable,
  mirrorTable,
} from '../../ports/block-mapper.ts'
import type { Disk, Relocation } from '../../ports/datapath.ts'
import { vmDeviceName } from './names.ts'
import type { DatapathParts } from './parts.ts'
import { isSameTable } from './tables.ts'

/** Device-mapper tells when a mirror is complete, but not how far it is; that has to be asked for. */
const progressMs = 500

/**
 * A mirror goes beneath the VM's device, which copies the one volume to the other and writes to both.
 * The switch happens while the device is suspended: then nothing can be written to only one of them
 * between the last look at the mirror and the record of the caller.
 */
export async function relocate(
  parts: DatapathParts,
  disk: Disk,
  to: Disk,
  relocation: Relocation,
): Promise<void> {
  const { blockMapper } = parts
  const name = vmDeviceName(disk)
  try {
    await exchange(blockMapper, name, mirrorTable(disk.volumePath, to.volumePath, disk.sizeBytes))
    await untilCopied(parts, disk, relocation)
    // What was flushed before it was copied must not be lost with the old volume. Most of it now, while I/O flows.
    await blockMapper.flush(to.volumePath)
    await blockMapper.suspend([name])
    assertWhole(await blockMapper.mirrorState(name))
    await blockMapper.flush(to.volumePath)
    relocation.signal.throwIfAborted()
    await relocation.commit()
  } catch (error) {
    await settle(parts, disk)
    throw error
  }
  await settle(parts, to)
}

export async function settle({ blockMapper }: DatapathParts, disk: Disk): Promise<void> {
  await exchange(blockMapper, vmDeviceName(disk), linearTable(disk.volumePath, disk.sizeBytes))
}

/** What a broken mirror holds back is only let go by a suspended device, to the table that is loaded. */
async function exchange(blockMapper: BlockMapper, name: string, table: BlockTable): Promise<void> {
  const found = await blockMapper.inspect(name)
  if (found === null) return
  if (!found.isSuspended && isSameTable(found.table, table)) return blockMapper.clear(name)
  await blockMapper.load(name, table)
  await blockMapper.suspend([name])
  await blockMapper.resume([name])
}

async function untilCopied(
  { blockMapper, clock }: DatapathParts,
  disk: Disk,
  { onProgress, signal }: Relocation,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const state = await blockMapper.mirrorState(vmDeviceName(disk))
    if (!state.isHealthy) throw broken()
    onProgress(Math.round((1 - state.copiedFraction) * disk.sizeBytes))
    if (state.copiedFraction === 1) return
    await clock.sleep(progressMs, signal)
  }
}

function assertWhole(state: { readonly copiedFraction: number; readonly isHealthy: boolean }) {
  if (!state.isHealthy || state.copiedFraction < 1) throw broken()
}

function broken(): CrosspoolError {
  return new CrosspoolError('COPY_FAILED', {
    reason: 'one of the two volumes failed a read or a write',
  })
}

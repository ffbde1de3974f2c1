import { settleAll } from '../../lib/settle-all.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { type BlockTable, linearTable } from '../../ports/block-mapper.ts'
import type { HandoverDisk, Mirror } from '../../ports/datapath.ts'
import { activate } from './devices.ts'
import { replicatedTable } from './insert.ts'
import { backName, gateName, mirrorName, vmDeviceName } from './names.ts'
import type { DatapathParts } from './parts.ts'
import { isSynchronous } from './status.ts'
import { isSameTable, switchTable } from './tables.ts'

type Handover = readonly HandoverDisk[]

/**
 * Source: a gate stands ready for each disk, and the VM's device leads to it at its next resume.
 * Until then the gate leads to the volume and nobody uses it. Target: the VM's device is there.
 */
export async function arm(parts: DatapathParts, handover: Handover): Promise<void> {
  await Promise.all(
    handover.map(async (each) => {
      await activate(parts, each.disk)
      // Most of it now, so that little is left for the moment in which the VM stands still.
      if (each.mirror?.side === 'target') await flush(parts, each.mirror)
      else await armSource(parts, each)
    }),
  )
}

async function armSource(parts: DatapathParts, each: HandoverDisk): Promise<void> {
  const { blockMapper, originals, replicator } = parts
  // Released already, and asked again after a crash: the gate must stay as it is.
  if (each.mirror !== null && replicator.state(mirrorName(each.mirror))?.role !== 'Primary') return
  const gate = gateName(each)
  const deviceName = vmDeviceName(each.disk)
  const original = await originals.remember(each.disk)
  if ((await blockMapper.inspect(gate)) === null) await blockMapper.create(gate, original)
  const table = linearTable(blockMapper.pathOf(gate), each.disk.sizeBytes)
  // To exchange a table once more would wait for I/O that waits at the gate.
  const device = await blockMapper.inspect(deviceName)
  if (device === null || !isSameTable(device.table, table))
    await blockMapper.load(deviceName, table)
}

/**
 * Source, VM paused. Closes the gates, exchanges the tables of the VM's devices (which drains what
 * is in flight through the replicator to the other side) and demotes: three steps for any number
 * of disks. What the VM's backend still sends waits at the gates.
 */
export async function release(parts: DatapathParts, handover: Handover): Promise<void> {
  const mirrors = mirrorsOf(handover)
  const isRepeated = mirrors.some((mirror) => roleOf(parts, mirror) === 'Secondary')
  for (const mirror of mirrors) assertSynchronous(parts, mirror)
  try {
    await parts.blockMapper.suspend(handover.map(gateName))
    await parts.blockMapper.resume(handover.map(({ disk }) => vmDeviceName(disk)))
    await settleAll(mirrors.map((mirror) => parts.replicator.demote(mirrorName(mirror))))
    // The link was there until the demotion, so all that was written before is on the other side.
    for (const mirror of mirrors) assertSynchronous(parts, mirror)
  } catch (error) {
    // A release that is repeated may have been answered before: then the target may have taken over.
    if (!isRepeated) await reclaim(parts, handover)
    throw error
  }
}

/** Source: promotes, which is refused where the other side is Primary, and lets what waited at the gates flow. */
export async function reclaim(parts: DatapathParts, handover: Handover): Promise<void> {
  const { replicator } = parts
  await settleAll(mirrorsOf(handover).map((mirror) => replicator.promote(mirrorName(mirror))))
  await openGates(parts, handover)
}

async function openGates(parts: DatapathParts, handover: Handover): Promise<void> {
  await settleAll(handover.map((each) => openGate(parts, each)))
  await settleAll(handover.map((each) => parts.blockMapper.remove(gateName(each))))
}

async function openGate(parts: DatapathParts, each: HandoverDisk): Promise<void> {
  const { blockMapper } = parts
  const gate = gateName(each)
  const table = await writableTable(parts, each)
  // First the gate: the VM's device can drain only when what waits there flows.
  if ((await blockMapper.inspect(gate)) !== null) await switchTable(blockMapper, gate, table)
  await switchTable(blockMapper, vmDeviceName(each.disk), table)
}

async function writableTable(parts: DatapathParts, each: HandoverDisk): Promise<BlockTable> {
  if (each.mirror !== null) return replicatedTable(parts, each.mirror)
  return parts.originals.remember(each.disk)
}

/** Target: promotes, which is refused while the source is Primary, and leads the VM's devices to the replicator. */
export async function take(parts: DatapathParts, handover: Handover): Promise<void> {
  const { blockMapper, replicator } = parts
  const mirrors = mirrorsOf(handover)
  const isRepeated = mirrors.some((mirror) => roleOf(parts, mirror) === 'Primary')
  await settleAll(mirrors.map((mirror) => waitUntilReleased(parts, mirror)))
  try {
    await settleAll(
      mirrors.flatMap((mirror) => [replicator.promote(mirrorName(mirror)), flush(parts, mirror)]),
    )
    await settleAll(
      mirrors.map(async (mirror) =>
        blockMapper.load(vmDeviceName(mirror.disk), await replicatedTable(parts, mirror)),
      ),
    )
    await blockMapper.resume(mirrors.map(({ disk }) => vmDeviceName(disk)))
    // A device that leads to a shared volume is live all the time, except where both sides are this host.
    await openGates(
      parts,
      handover.filter(({ mirror }) => mirror === null),
    )
  } catch (error) {
    // A take that is repeated may have been answered before: then the VM may run here.
    if (isRepeated) throw error
    await giveBack(parts, handover)
    throw new CrosspoolError('HANDOVER_REFUSED', { reason: reasonOf(error) }, error)
  }
}

/**
 * What the guest had flushed before it was copied, or while the link was away, is only in the cache of the target's
 * disk until somebody flushes that; the replicator passes on no more than the guest's own flushes.
 */
async function flush({ blockMapper }: DatapathParts, mirror: Mirror): Promise<void> {
  await blockMapper.flush(blockMapper.pathOf(backName(mirror)))
}

/** After a take that failed: nothing is writable here. */
async function giveBack(parts: DatapathParts, handover: Handover): Promise<void> {
  await Promise.all(
    handover.map(async ({ disk, mirror }) => {
      if (mirror === null) return
      const original = await parts.originals.remember(disk)
      await switchTable(parts.blockMapper, vmDeviceName(disk), original)
      await parts.replicator.demote(mirrorName(mirror))
    }),
  )
}

const releaseDeadlineMs = 3_000

/**
 * The word that the source has released may be here before the replicator's own.
 * @throws HANDOVER_REFUSED
 */
async function waitUntilReleased(parts: DatapathParts, mirror: Mirror): Promise<void> {
  const { replicator, clock } = parts
  const name = mirrorName(mirror)
  const isReleased = () => {
    const state = replicator.state(name)
    // Primary: taken already, and asked again after a crash.
    if (state?.role === 'Primary') return true
    return isSynchronous(state) && state?.peerRole === 'Secondary'
  }
  const refusal = () => new CrosspoolError('HANDOVER_REFUSED', { reason: describe(parts, mirror) })
  if (isReleased()) return
  if (!isSynchronous(replicator.state(name))) throw refusal()
  const timer = new AbortController()
  let stop = () => {}
  const released = new Promise<void>((resolve) => {
    stop = replicator.watch(name, () => {
      if (isReleased()) resolve()
    })
  })
  const passed = clock.sleep(releaseDeadlineMs, timer.signal).catch(() => {})
  await Promise.race([released, passed])
  stop()
  timer.abort()
  if (!isReleased()) throw refusal()
}

function mirrorsOf(handover: Handover): Mirror[] {
  return handover.flatMap(({ mirror }) => (mirror === null ? [] : [mirror]))
}

function roleOf({ replicator }: DatapathParts, mirror: Mirror): string | undefined {
  return replicator.state(mirrorName(mirror))?.role
}

/** @throws REPLICATION_LOST */
export function assertSynchronous(parts: DatapathParts, mirror: Mirror): void {
  if (isSynchronous(parts.replicator.state(mirrorName(mirror)))) return
  throw new CrosspoolError('REPLICATION_LOST', { id: mirror.id, state: describe(parts, mirror) })
}

function describe({ replicator }: DatapathParts, mirror: Mirror): string {
  const state = replicator.state(mirrorName(mirror))
  if (state === null) return 'not there'
  const { connection, role, peerRole, disk, peerDisk } = state
  return `${connection}, ${role}/${peerRole}, ${disk}/${peerDisk}`
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import type { Qmp } from '../../lib/qmp/qmp.ts'
import type { Clock } from '../../ports/clock.ts'
import {
  addExport,
  cutExport,
  exportIds,
  namedNodes,
  openVolume,
  unlessRefused,
} from './block-commands.ts'
import { fenceNode, mirroredNode, nodes, vmNode, volumeNode } from './block-nodes.ts'
import { type DiskRecord, shapeOf } from './disk-record.ts'

/**
 * Brings a disk's storage daemon, in whatever state it is, to what the record says. First goes what
 * lets somebody write who no longer may, last comes what lets somebody write. @throws BUSY
 */
export async function shapeServer(
  qmp: Qmp,
  clock: Clock,
  record: DiskRecord,
  socket: string,
): Promise<void> {
  const { disk } = record
  const shape = shapeOf(record)
  const addr = { type: 'unix', data: { path: socket } }
  const [, present, exported] = await Promise.all([
    unlessRefused(/already running/, () => qmp.execute('nbd-server-start', { addr })),
    namedNodes(qmp),
    exportIds(qmp),
  ])
  if (!shape.isVmExported && exported.has('vm')) await cutExport(qmp, clock, 'vm')
  if (!shape.isMirrorExported) {
    if (exported.has(nodes.mirrored)) await cutExport(qmp, clock, nodes.mirrored)
    if (present.has(nodes.mirrored)) await removeNode(qmp, nodes.mirrored)
  }
  if (shape.isVolumeOpen && !present.has(nodes.volume))
    await openVolume(qmp, disk.volumePath, volumeNode(disk))
  if (!present.has(nodes.fence)) await qmp.execute('blockdev-add', fenceNode(disk))
  const vm = present.get(nodes.vm)
  if (vm === undefined) await qmp.execute('blockdev-add', vmNode(disk, shape.vmLeadsTo))
  else if (leadsTo(vm) !== shape.vmLeadsTo)
    await qmp.execute('blockdev-reopen', { options: [vmNode(disk, shape.vmLeadsTo)] })
  if (!shape.isVolumeOpen && present.has(nodes.volume)) await removeNode(qmp, nodes.volume)
  if (shape.isMirrorExported && !present.has(nodes.mirrored))
    await qmp.execute('blockdev-add', mirroredNode(disk))
  // While a mirror runs, a write that does not pass its filter would be missing at the target.
  if (shape.isVmExported && !exported.has('vm')) {
    const hasFilter = (await namedNodes(qmp)).has(nodes.filter)
    await addExport(qmp, 'vm', hasFilter ? nodes.filter : nodes.vm)
  }
  if (shape.isMirrorExported && !exported.has(nodes.mirrored))
    await addExport(qmp, nodes.mirrored, nodes.mirrored)
}

async function removeNode(qmp: Qmp, name: string): Promise<void> {
  await qmp.execute('blockdev-del', { 'node-name': name })
}

function leadsTo(beneath: string): 'volume' | 'fence' {
  return beneath.includes('null-co') ? 'fence' : 'volume'
}

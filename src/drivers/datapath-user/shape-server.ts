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
import { type DiskRecord, type Shape, shapeOf } from './disk-record.ts'

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
  await unlessRefused(/already running/, () => qmp.execute('nbd-server-start', { addr }))
  await withdraw(qmp, clock, shape)
  const present = await namedNodes(qmp)
  if (shape.isVolumeOpen && !present.has(nodes.volume))
    await openVolume(qmp, disk.volumePath, volumeNode(disk))
  if (!present.has(nodes.fence)) await qmp.execute('blockdev-add', fenceNode(disk))
  const vm = present.get(nodes.vm)
  if (vm === undefined) await qmp.execute('blockdev-add', vmNode(disk, shape.vmLeadsTo))
  else if (leadsTo(vm) !== shape.vmLeadsTo)
    await qmp.execute('blockdev-reopen', { options: [vmNode(disk, shape.vmLeadsTo)] })
  if (!shape.isVolumeOpen && present.has(nodes.volume))
    await qmp.execute('blockdev-del', { 'node-name': nodes.volume })
  if (shape.isMirrorExported && !present.has(nodes.mirrored))
    await qmp.execute('blockdev-add', mirroredNode(disk))
  await serve(qmp, shape)
}

async function withdraw(qmp: Qmp, clock: Clock, shape: Shape): Promise<void> {
  if (!shape.isVmExported) await cutExport(qmp, clock, 'vm')
  if (shape.isMirrorExported) return
  await cutExport(qmp, clock, nodes.mirrored)
  await unlessRefused(/Failed to find node/, () =>
    qmp.execute('blockdev-del', { 'node-name': nodes.mirrored }),
  )
}

async function serve(qmp: Qmp, shape: Shape): Promise<void> {
  const exported = await exportIds(qmp)
  if (shape.isVmExported && !exported.has('vm')) {
    // While a mirror runs, a write that does not pass its filter would be missing at the target.
    const hasFilter = (await namedNodes(qmp)).has(nodes.filter)
    await addExport(qmp, 'vm', hasFilter ? nodes.filter : nodes.vm)
  }
  if (shape.isMirrorExported && !exported.has(nodes.mirrored))
    await addExport(qmp, nodes.mirrored, nodes.mirrored)
}

function leadsTo(beneath: string): 'volume' | 'fence' {
  return beneath.includes('null-co') ? 'fence' : 'volume'
}

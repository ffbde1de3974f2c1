import type { Qmp } from '../../lib/qmp/qmp.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Disk } from '../../ports/datapath.ts'
import { bitmapsOf } from './bitmaps.ts'
import { addExport, cutExport, namedNodes, unlessRefused } from './block-commands.ts'
import { nodes, vmNode } from './block-nodes.ts'
import { connectNbd } from './nbd-client.ts'

/**
 * What copies a difference to the target while the VM writes: QEMU's filter `copy-before-write`,
 * between `vm` and the volume, with the difference's bitmap. Whatever is written to a block that
 * differs, the filter first copies the block as it is; only then the write goes on, to the volume and by
 * the mirror above it to the target. So no earlier block can come after a later one. The rest is copied
 * by touching it: a discard is a write to the filter, and the node beneath lets none pass.
 *
 *   filter (of the mirror) ──► vm ──► copier ──► beneath ──► volume
 *                                       └─► copies ──► second-way ══► the target, as `target` does
 *
 * When the target cannot be written to, the filter copies no more, and the VM's write goes on.
 */
const touched = nodes.copier

/** It is there from before the mirror begins until everything is copied. */
export async function addSecondWay(qmp: Qmp, socket: string): Promise<void> {
  await qmp.execute('blockdev-add', {
    ...{ driver: 'nbd', 'node-name': nodes.secondWay, export: 'data' },
    server: { type: 'unix', path: socket },
    ...{ discard: 'unmap', 'detect-zeroes': 'unmap' },
  })
  // The filter would ask for zeroes that take room. Refused, they are written, and seen to be zeroes above.
  const refusal = { event: 'none', errno: notSupported, iotype: 'write-zeroes' }
  await qmp.execute('blockdev-add', {
    ...{ driver: 'blkdebug', 'node-name': nodes.copies, image: nodes.secondWay },
    'inject-error': [refusal],
  })
}

const notSupported = 95

/**
 * The mirror runs: from now on the VM's writes go to both sides, so what differs gets no more. `bitmap` of
 * `vm` tells what does; it is copied, and may go.
 */
export async function layCopier(qmp: Qmp, disk: Disk, bitmap: string): Promise<void> {
  await qmp.execute('blockdev-add', {
    ...{ driver: 'raw', 'node-name': nodes.beneath, size: disk.sizeBytes, file: nodes.volume },
    discard: 'ignore',
  })
  await qmp.execute('blockdev-add', {
    ...{ driver: 'copy-before-write', 'node-name': nodes.copier, discard: 'unmap' },
    ...{ file: nodes.beneath, target: nodes.copies, 'on-cbw-error': 'break-snapshot' },
    bitmap: { node: nodes.vm, name: bitmap },
  })
  await qmp.execute('blockdev-reopen', { options: [vmNode(disk, 'copier')] })
  await addExport(qmp, touched, nodes.copier)
}

export interface Copier {
  /** The VM's writes pass it. */
  readonly isLaid: boolean
  /** Not at the target, nor on its way. What could not be copied stays in it. */
  readonly leftBytes: number
}

/** Null: there is none, nor anything of one. */
export async function findCopier(qmp: Qmp): Promise<Copier | null> {
  const present = await namedNodes(qmp)
  if (!present.has(nodes.secondWay)) return null
  const bitmaps = await bitmapsOf(qmp, nodes.beneath)
  const leftBytes = bitmaps.reduce((sum, { bytes }) => sum + bytes, 0)
  return { isLaid: isAbove(present, 'copy-before-write'), leftBytes }
}

/** Everything of it, in whatever state it is. */
export async function removeCopier(qmp: Qmp, clock: Clock, disk: Disk): Promise<void> {
  await cutExport(qmp, clock, touched)
  if (isAbove(await namedNodes(qmp), 'copy-before-write'))
    await qmp.execute('blockdev-reopen', { options: [vmNode(disk, 'volume')] })
  for (const node of [nodes.copier, nodes.beneath, nodes.copies, nodes.secondWay])
    await unlessRefused(/Failed to find node/, () =>
      qmp.execute('blockdev-del', { 'node-name': node }),
    )
}

function isAbove(present: ReadonlyMap<string, string>, driver: string): boolean {
  return present.get(nodes.vm)?.includes(driver) ?? false
}

/** Touches a piece of the disk: everything in it that differs is at the target afterwards, or stays in `leftBytes`. */
export interface Toucher {
  touch(offsetBytes: number, lengthBytes: number): Promise<void>
  close(): void
}

export async function connectToucher(socket: string): Promise<Toucher> {
  const client = await connectNbd(socket, touched)
  return { touch: (offset, length) => client.discard(offset, length), close: () => client.close() }
}

import { z } from 'zod'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { unlessRefused } from './block-commands.ts'
import { nodes } from './block-nodes.ts'

/**
 * A base is a moment at which both sides of a mirror were the same: the end of one of its sessions, by
 * whose number it is called. A bitmap of QEMU's at each side stands for it. They are in the memory of
 * the storage daemons and go with them: where one is missing, nothing is known of the base any more.
 *
 *   differs-MIRROR-SESSION  of `vm`, where the VM is: what has been written to the disk since
 *   written-MIRROR-SINCE    of `vm`, while everything is copied: what has been written meanwhile
 *   base-MIRROR-SESSION     of `volume`, at the replica: the volume has been open here ever since, and
 *                           locked as far as it can be, so that nobody but the mirror has written to it
 */
export interface Base {
  /** Of the mirror. */
  readonly id: string
  readonly session: number
}

/** The jobs copy in pieces of the same size, so that what they and the bitmaps count can be compared. */
export const granularityBytes = 64 * 1024

const bitmapSchema = z.object({ name: z.string().optional(), count: z.int().nonnegative() })
const nodesSchema = z.array(
  z.object({ 'node-name': z.string(), 'dirty-bitmaps': z.array(bitmapSchema).optional() }),
)

interface Bitmap {
  /** Null: of a job's or a filter's own. */
  readonly name: string | null
  readonly bytes: number
}

/** A node that is not there has none. */
export async function bitmapsOf(qmp: Qmp, node: string): Promise<readonly Bitmap[]> {
  const found = nodesSchema.parse(await qmp.execute('query-named-block-nodes', { flat: true }))
  const bitmaps = found.find((one) => one['node-name'] === node)?.['dirty-bitmaps'] ?? []
  return bitmaps.map(({ name, count }) => ({ name: name ?? null, bytes: count }))
}

export function nameOfDifference({ id, session }: Base): string {
  return `differs-${id}-${session}`
}

function nameOfBase({ id, session }: Base): string {
  return `base-${id}-${session}`
}

/**
 * What the VM writes from now on, or from the time when this was first called. Nothing is under way in
 * the moment in which it begins: what was written before has reached both sides, if they are mirrored.
 */
export async function recordDifference(qmp: Qmp, base: Base): Promise<void> {
  await addBitmap(qmp, nodes.vm, nameOfDifference(base))
}

/** Null: it is not known. */
export async function differenceBytes(qmp: Qmp, base: Base): Promise<number | null> {
  return await bytesOf(qmp, nodes.vm, nameOfDifference(base))
}

/** Since a first copy began, or since its last part did. */
export type WrittenSince = 'first' | 'last'

export function nameOfWritten(id: string, since: WrittenSince): string {
  return `written-${id}-${since}`
}

export async function recordWritten(qmp: Qmp, id: string, since: WrittenSince): Promise<void> {
  await addBitmap(qmp, nodes.vm, nameOfWritten(id, since))
}

/** What the VM has changed since the first copy began, each piece counted once. */
export async function writtenBytes(qmp: Qmp, id: string): Promise<number> {
  const bytes = await bytesOf(qmp, nodes.vm, nameOfWritten(id, 'first'))
  if (bytes === null) throw new Error('nobody knows what was written during the first copy')
  return bytes
}

export async function forgetWritten(qmp: Qmp, id: string): Promise<void> {
  await removeBitmaps(qmp, nodes.vm, `written-${id}-`, [])
}

/** Each write that the mirror above `vm` could not bring to the target is in a bitmap of its own. */
export async function lacksNothing(qmp: Qmp): Promise<boolean> {
  const own = (await bitmapsOf(qmp, nodes.vm)).filter(({ name }) => name === null)
  return own.length > 0 && own.every(({ bytes }) => bytes === 0)
}

/** The volume is as the mirror makes it, or has made it. */
export async function vouchFor(qmp: Qmp, base: Base): Promise<void> {
  await addBitmap(qmp, nodes.volume, nameOfBase(base))
}

/** What has been written since to a volume that is vouched for, by the mirror; null: it is not. */
export async function vouchedBytes(qmp: Qmp, base: Base): Promise<number | null> {
  return await bytesOf(qmp, nodes.volume, nameOfBase(base))
}

/** Of this mirror, but for these. */
export async function forgetDifferences(
  qmp: Qmp,
  id: string,
  ...but: readonly number[]
): Promise<void> {
  const kept = but.map((session) => nameOfDifference({ id, session }))
  await removeBitmaps(qmp, nodes.vm, `differs-${id}-`, kept)
}

export async function forgetBases(qmp: Qmp, id: string, ...but: readonly number[]): Promise<void> {
  const kept = but.map((session) => nameOfBase({ id, session }))
  await removeBitmaps(qmp, nodes.volume, `base-${id}-`, kept)
}

async function bytesOf(qmp: Qmp, node: string, name: string): Promise<number | null> {
  const bitmaps = await bitmapsOf(qmp, node)
  return bitmaps.find((bitmap) => bitmap.name === name)?.bytes ?? null
}

async function addBitmap(qmp: Qmp, node: string, name: string): Promise<void> {
  const data = { node, name, granularity: granularityBytes, persistent: false }
  // QEMU waits for everything under way before a transaction, and begins nothing until it is done.
  const actions = [{ type: 'block-dirty-bitmap-add', data }]
  await unlessRefused(/already exists/, () => qmp.execute('transaction', { actions }))
}

async function removeBitmaps(
  qmp: Qmp,
  node: string,
  prefix: string,
  kept: readonly string[],
): Promise<void> {
  for (const { name } of await bitmapsOf(qmp, node))
    if (name?.startsWith(prefix) && !kept.includes(name))
      await qmp.execute('block-dirty-bitmap-remove', { node, name })
}

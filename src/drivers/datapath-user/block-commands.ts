import { z } from 'zod'
import { type Qmp, QmpError } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { within } from '../../ports/deadlines.ts'

const exportsSchema = z.array(z.object({ id: z.string() }))
const namedNodesSchema = z.array(z.object({ 'node-name': z.string(), file: z.string() }))
const exportEndMs = 30_000

export async function exportIds(qmp: Qmp): Promise<ReadonlySet<string>> {
  const found = exportsSchema.parse(await qmp.execute('query-block-exports'))
  return new Set(found.map(({ id }) => id))
}

/** Names of nodes, each with what is beneath it in QEMU's words. */
export async function namedNodes(qmp: Qmp): Promise<ReadonlyMap<string, string>> {
  const found = namedNodesSchema.parse(await qmp.execute('query-named-block-nodes', { flat: true }))
  return new Map(found.map((node) => [node['node-name'], node.file]))
}

export async function addExport(qmp: Qmp, name: string, node: string): Promise<void> {
  const fields = { type: 'nbd', id: name, 'node-name': node, name, writable: true }
  await qmp.execute('block-export-add', fields)
}

/** What is under way is done when this resolves, and the clients' connections are closed. */
export async function cutExport(qmp: Qmp, clock: Clock, id: string): Promise<void> {
  let stop = () => {}
  const gone = new Promise<void>((resolve) => {
    stop = qmp.onEvent(({ name, data }) => {
      if (name === 'BLOCK_EXPORT_DELETED' && data.id === id) resolve()
    })
  })
  try {
    if (!(await exportIds(qmp)).has(id)) return
    await unlessRefused(/already shutting down/, () =>
      qmp.execute('block-export-del', { id, mode: 'hard' }),
    )
    await within(clock, exportEndMs, `the end of export ${id}`, Promise.race([gone, qmp.closed]))
  } finally {
    stop()
  }
}

/** Takes an export away that nobody is connected to; false, and nothing has changed, when somebody is. */
export async function withdrawUnused(qmp: Qmp, clock: Clock, id: string): Promise<boolean> {
  if (!(await exportIds(qmp)).has(id)) return true
  const isUnused = await unlessRefused(/still in use/, () =>
    qmp.execute('block-export-del', { id, mode: 'safe' }),
  )
  if (isUnused) await cutExport(qmp, clock, id)
  return isUnused
}

/** False when QEMU refused in these words. */
export async function unlessRefused(reason: RegExp, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (error instanceof QmpError && reason.test(error.reason)) return false
    throw error
  }
}

/** @throws BUSY when another program, on this host or another, has it open */
export async function openVolume(qmp: Qmp, path: string, node: object): Promise<void> {
  const isFree = await unlessRefused(/Failed to get .*lock/, () =>
    qmp.execute('blockdev-add', { ...node }),
  )
  if (isFree) return
  throw new CrosspoolError('BUSY', { kind: 'volume', id: path, user: 'another host or program' })
}

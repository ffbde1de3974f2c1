import type { CliContext } from '../context.ts'
import { parseSize } from '../parse-options.ts'
import { srsView, vdisView, vdiView } from '../views/inventory-views.ts'
import { findSr, findVdi } from './find.ts'

export async function listSrs(context: CliContext): Promise<void> {
  context.show(await (await context.storage()).listSrs(), srsView)
}

export interface CreateSrOptions {
  readonly type: string
  readonly id?: string
  readonly set?: Readonly<Record<string, unknown>>
}

export async function createSr(
  context: CliContext,
  name: string,
  { type, id, set = {} }: CreateSrOptions,
): Promise<void> {
  const storage = await context.storage()
  const body = { name, type, configuration: set, ...(id === undefined ? {} : { id }) }
  context.show(await storage.createSr({ body }), (sr, style) => srsView([sr], style))
}

export async function forgetSr(context: CliContext, idOrName: string): Promise<void> {
  const storage = await context.storage()
  const sr = await findSr(storage, idOrName)
  const answer = await storage.forgetSr({ params: { sr: sr.id } })
  context.show(answer, () => `SR ${sr.name} is forgotten; its volumes are as they were.`)
}

export async function listVdis(
  context: CliContext,
  { sr, device }: { readonly sr?: string; readonly device?: string },
): Promise<void> {
  const storage = await context.storage()
  const query = {
    ...(sr === undefined ? {} : { sr: (await findSr(storage, sr)).id }),
    ...(device === undefined ? {} : { device }),
  }
  context.show(await storage.listVdis({ query }), vdisView)
}

export async function showVdi(context: CliContext, vdi: string): Promise<void> {
  context.show(await findVdi(await context.storage(), vdi), vdiView)
}

export async function createVdi(
  context: CliContext,
  name: string,
  options: { readonly sr: string; readonly size: string },
): Promise<void> {
  const sizeBytes = parseSize(options.size)
  const storage = await context.storage()
  const sr = (await findSr(storage, options.sr)).id
  context.show(await storage.createVdi({ body: { sr, name, sizeBytes } }), vdiView)
}

export async function destroyVdi(context: CliContext, idOrName: string): Promise<void> {
  const storage = await context.storage()
  const vdi = await findVdi(storage, idOrName)
  const answer = await storage.destroyVdi({ params: { vdi: vdi.id } })
  context.show(answer, () => `VDI ${vdi.name} is destroyed.`)
}

export type VdiChange = 'attach' | 'activate' | 'deactivate' | 'detach' | 'disown'

export function changeVdi(change: VdiChange) {
  return async (context: CliContext, idOrName: string): Promise<void> => {
    const storage = await context.storage()
    const { id } = await findVdi(storage, idOrName)
    context.show(await storage[change]({ params: { vdi: id } }), vdiView)
  }
}

export async function adoptVdi(
  context: CliContext,
  idOrName: string,
  device: string,
): Promise<void> {
  const storage = await context.storage()
  const { id } = await findVdi(storage, idOrName)
  context.show(await storage.adopt({ params: { vdi: id }, body: { device } }), vdiView)
}

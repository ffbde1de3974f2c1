import type { ApiClient } from '../../api/client/api-client.ts'
import type { storageRoutes } from '../../api/contract/storage-routes.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Sr } from '../../model/sr.ts'
import type { Vdi } from '../../model/vdi.ts'
import { UsageError } from '../usage-error.ts'

type Storage = ApiClient<typeof storageRoutes>

/** By id or by name. @throws NOT_FOUND, UsageError when several bear the name */
export async function findVdi(storage: Storage, idOrName: string): Promise<Vdi> {
  return choose('vdi', await storage.listVdis(), idOrName)
}

/** By id or by name. @throws NOT_FOUND, UsageError when several bear the name */
export async function findSr(storage: Storage, idOrName: string): Promise<Sr> {
  return choose('sr', await storage.listSrs(), idOrName)
}

function choose<Thing extends { readonly id: string; readonly name: string }>(
  kind: string,
  things: readonly Thing[],
  idOrName: string,
): Thing {
  const byId = things.find(({ id }) => id === idOrName)
  if (byId) return byId
  const [found, ...others] = things.filter(({ name }) => name === idOrName)
  if (!found) throw new CrosspoolError('NOT_FOUND', { kind, id: idOrName })
  if (others.length === 0) return found
  const ids = [found, ...others].map(({ id }) => id).join(', ')
  throw new UsageError(`several ${kind}s are called ${idOrName}; use the id of one: ${ids}`)
}

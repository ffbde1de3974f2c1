import type { Handlers } from '../../api/contract/route.ts'
import { apiVersion } from '../../api/contract/shared.ts'
import type { storageRoutes } from '../../api/contract/storage-routes.ts'
import type { LocalStorageManager } from '../../engine/disks/storage-manager.ts'
import { type AccessParts, accessHandlers } from '../access-handlers.ts'

/** Which of the storage manager's methods answers which route. */
export function storageHandlers(
  storage: LocalStorageManager,
  access: AccessParts,
): Handlers<typeof storageRoutes> {
  return {
    ...accessHandlers(access),
    health: async () => ({ status: 'ok', apiVersion }),
    facts: async () => {
      const { replicationSchemes, keepModes, ...facts } = await storage.facts()
      return { ...facts, replicationSchemes: [...replicationSchemes], keepModes: [...keepModes] }
    },
    listSrs: async () => [...(await storage.listSrs())],
    createSr: ({ body: { id, ...create } }) =>
      storage.createSr({ ...create, ...(id ? { id } : {}) }),
    forgetSr: ({ params }) => nothing(storage.forgetSr(params.sr)),
    listVdis: async ({ query: { sr, device } }) => [
      ...(await storage.listVdis({ ...(sr ? { sr } : {}), ...(device ? { device } : {}) })),
    ],
    createVdi: ({ body: { id, ...create } }) =>
      storage.createVdi({ ...create, ...(id ? { id } : {}) }),
    getVdi: ({ params }) => storage.getVdi(params.vdi),
    destroyVdi: ({ params }) => nothing(storage.destroyVdi(params.vdi)),
    attach: ({ params }) => storage.attach(params.vdi),
    activate: ({ params }) => storage.activate(params.vdi),
    deactivate: ({ params }) => storage.deactivate(params.vdi),
    detach: ({ params }) => storage.detach(params.vdi),
    adopt: ({ params, body }) => storage.adopt(params.vdi, body.device),
    disown: ({ params }) => storage.disown(params.vdi),
    getReplicationTarget: ({ params, body }) =>
      storage.getReplicationTarget(params.vdi, body?.schemes, body?.source),
    replicateTo: ({ params, body }) => storage.replicateTo(params.vdi, body.uri),
    relocate: ({ params, body }) => storage.relocate(params.vdi, body.sr),
    watchRelocation: async ({ params }) => {
      storage.watchRelocation(params.vdi, () => {})()
      return (listener) => storage.watchRelocation(params.vdi, listener)
    },
    cancelRelocation: ({ params }) => nothing(storage.cancelRelocation(params.vdi)),
    listReplications: async () => [...(await storage.listReplications())],
    getReplication: ({ params }) => storage.getReplication(params.replication),
    watchReplication: async ({ params }) => {
      await storage.getReplication(params.replication)
      return (listener) => storage.watchReplication(params.replication, listener)
    },
    limitReplication: ({ params, body }) =>
      storage.limitReplication(params.replication, body.bytesPerSecondMax),
    keepReplication: ({ params, body }) =>
      nothing(storage.keepReplication(params.replication, body)),
    verifyReplication: ({ params }) => storage.verifyReplication(params.replication),
    stopReplication: ({ params, query }) =>
      nothing(storage.stopReplication(params.replication, query.keep)),
    join: async ({ params, body, requester: { fingerprint } }) => {
      const { welcome } = await storage.join(params.replication, body, fingerprint)
      return { welcome: { ...welcome } }
    },
    armHandover: ({ body }) => nothing(storage.armHandover(body.disks)),
    releaseDisks: ({ body }) => nothing(storage.releaseDisks(body.disks)),
    reclaimDisks: ({ body }) => nothing(storage.reclaimDisks(body.disks)),
    takeDisks: ({ body }) => nothing(storage.takeDisks(body.disks)),
    leftovers: async () => [...(await storage.leftovers())],
    cleanLeftovers: async () => [...(await storage.cleanLeftovers())],
  }
}

async function nothing(done: Promise<void>): Promise<Record<string, never>> {
  await done
  return {}
}

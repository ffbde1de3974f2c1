import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { createToolstackPeers, createTrustPeers } from '../../../src/api/client/peers.ts'
import { PinnedConnector } from '../../../src/api/client/pinned-connector.ts'
import { toolstackApi } from '../../../src/api/contract/api-descriptions.ts'
import { apiVersion } from '../../../src/api/contract/shared.ts'
import { toolstackRoutes } from '../../../src/api/contract/toolstack-routes.ts'
import { createServer } from '../../../src/api/server/create-server.ts'
import { openAccess } from '../../../src/daemons/open-access.ts'
import { toolstackHandlers } from '../../../src/daemons/toolstack/handlers.ts'
import { takeMemory } from '../../../src/daemons/toolstack/receiver-handlers.ts'
import { createLmdbRecordStore } from '../../../src/drivers/record-store-lmdb/index.ts'
import { createSimulatedDatapath } from '../../../src/drivers/simulated/datapath.ts'
import { createSimulatedHypervisor } from '../../../src/drivers/simulated/hypervisor.ts'
import type { HypervisorWorld } from '../../../src/drivers/simulated/hypervisor-world.ts'
import type { StorageWorld } from '../../../src/drivers/simulated/storage-world.ts'
import { createSimulatedVolumeStores } from '../../../src/drivers/simulated/volume-store.ts'
import { systemClock } from '../../../src/drivers/system/clock.ts'
import { systemRandom } from '../../../src/drivers/system/random.ts'
import { Trust } from '../../../src/engine/access/trust.ts'
import { createStorageManager } from '../../../src/engine/disks/storage-manager.ts'
import type { ToolstackEnvironment } from '../../../src/engine/environment.ts'
import { Toolstack } from '../../../src/engine/vms/toolstack.ts'
import { createLog } from '../../../src/lib/log.ts'
import { MiB } from '../../../src/lib/units.ts'
import type { StoragePeers } from '../../../src/ports/peers.ts'

export interface Worlds {
  readonly vms: HypervisorWorld
  readonly disks: StorageWorld
  readonly peers: StoragePeers
  /** For the record stores. */
  readonly folder: string
}

/** One for both storage managers: they meet in this process, without TLS. */
export const storageFingerprint = `sha256//${'A'.repeat(43)}=`

/** sm and xapi as their daemons are, with real records, TLS and HTTP; only what lies below is simulated. */
export async function openSimulatedHost(name: string, port: number, worlds: Worlds) {
  const log = createLog({ name, level: 'silent' })
  const common = { host: name, apiVersion, clock: systemClock, random: systemRandom, log }
  const url = `https://127.0.0.1:${port}`
  const newStore = async () =>
    createLmdbRecordStore({ path: await mkdtemp(join(worlds.folder, name)), clock: systemClock })
  worlds.vms.addHost(name)
  const storage = createStorageManager({
    ...{ ...common, url, bootId: 'first', peers: worlds.peers, store: await newStore() },
    fingerprint: storageFingerprint,
    volumeStores: { simulated: createSimulatedVolumeStores(worlds.disks, name) },
    datapath: createSimulatedDatapath(worlds.disks, name),
    resolvePath: async (path) => path,
  })
  const sr = await storage.createSr({ name: 'local', type: 'simulated', configuration: {} })
  const store = await newStore()
  const access = await openAccess(join(worlds.folder, `${name}-access`), { store, log }, () => {})
  const { identity, tokens, auditLog } = access
  const { fingerprint } = identity
  const trust = new Trust({
    ...{ name, pool: name, url, fingerprint, store, onRevoked: () => {} },
    ...{ clock: systemClock, random: systemRandom, peers: createTrustPeers(identity) },
  })
  const connector = new PinnedConnector({
    identity,
    fingerprintAt: (at) => trust.fingerprintAt(at),
  })
  const environment: ToolstackEnvironment = {
    ...{ ...common, url, storage, pool: name, store },
    hypervisor: createSimulatedHypervisor(worlds.vms, name, { clock: systemClock }),
    peers: createToolstackPeers(connector, { timeoutMs: 300_000 }),
    heartbeat: { intervalMs: 1_000, deadlineMs: 60_000 },
  }
  const toolstack = new Toolstack(environment)
  const server = createServer({
    routes: toolstackRoutes,
    handlers: toolstackHandlers(environment, toolstack, {
      ...{ tokens, auditLog, trust, identity: { fingerprint, url } },
    }),
    ...toolstackApi,
    log,
    access: access.serverOptions((key) => trust.callerOf(key)),
  })
  takeMemory(server, toolstack.receivers, store)
  await server.listen({
    socketPath: socketOf(worlds.folder, port),
    tcp: { host: '127.0.0.1', port, identity },
  })
  return {
    storage,
    trust,
    /** A running VM with one disk. */
    async addVm(id: string): Promise<void> {
      const vdi = await storage.createVdi({ sr: sr.id, name: id, sizeBytes: 8 * MiB })
      await storage.attach(vdi.id)
      const { device } = await storage.activate(vdi.id)
      const disks = [{ slot: 'xvda', device: device ?? '', readOnly: false }]
      worlds.vms.addVm(name, { id: systemRandom.uuid(), name: id, disks })
    },
  }
}

/** Where who measures reaches a xapi. */
export function socketOf(folder: string, port: number): string {
  return join(folder, `${port}.sock`)
}

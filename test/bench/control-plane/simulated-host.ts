import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { createToolstackPeers } from '../../../src/api/client/peers.ts'
import { toolstackApi } from '../../../src/api/contract/api-descriptions.ts'
import { apiVersion } from '../../../src/api/contract/shared.ts'
import {
  memoryPath,
  memoryProtocol,
  toolstackRoutes,
} from '../../../src/api/contract/toolstack-routes.ts'
import { createServer } from '../../../src/api/server/create-server.ts'
import { toolstackHandlers } from '../../../src/daemons/toolstack/handlers.ts'
import { createLmdbRecordStore } from '../../../src/drivers/record-store-lmdb/index.ts'
import { createSimulatedDatapath } from '../../../src/drivers/simulated/datapath.ts'
import { createSimulatedHypervisor } from '../../../src/drivers/simulated/hypervisor.ts'
import type { HypervisorWorld } from '../../../src/drivers/simulated/hypervisor-world.ts'
import type { StorageWorld } from '../../../src/drivers/simulated/storage-world.ts'
import { createSimulatedVolumeStores } from '../../../src/drivers/simulated/volume-store.ts'
import { systemClock } from '../../../src/drivers/system/clock.ts'
import { systemRandom } from '../../../src/drivers/system/random.ts'
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

/** sm and xapi as their daemons are, with real records and real HTTP; only what lies below is simulated. */
export async function openSimulatedHost(name: string, port: number, worlds: Worlds) {
  const log = createLog({ name, level: 'silent' })
  const common = { host: name, apiVersion, clock: systemClock, random: systemRandom, log }
  const url = `http://127.0.0.1:${port}`
  const newStore = async () =>
    createLmdbRecordStore({ path: await mkdtemp(join(worlds.folder, name)), clock: systemClock })
  worlds.vms.addHost(name)
  const storage = createStorageManager({
    ...{ ...common, url, bootId: 'first', peers: worlds.peers, store: await newStore() },
    volumeStores: { simulated: createSimulatedVolumeStores(worlds.disks, name) },
    datapath: createSimulatedDatapath(worlds.disks, name),
    resolvePath: async (path) => path,
  })
  const sr = await storage.createSr({ name: 'local', type: 'simulated', configuration: {} })
  const environment: ToolstackEnvironment = {
    ...{ ...common, url, storage, pool: name, store: await newStore() },
    hypervisor: createSimulatedHypervisor(worlds.vms, name, { clock: systemClock }),
    peers: createToolstackPeers({ timeoutMs: 300_000 }),
    heartbeat: { intervalMs: 1_000, deadlineMs: 60_000 },
  }
  const toolstack = new Toolstack(environment)
  const handlers = toolstackHandlers(environment, toolstack)
  const server = createServer({ routes: toolstackRoutes, handlers, ...toolstackApi, log })
  server.onUpgrade(memoryPath, memoryProtocol, ({ receiver }, token) =>
    toolstack.receivers.openMemory(receiver, token),
  )
  await server.listen({ host: '127.0.0.1', port })
  return {
    storage,
    /** A running VM with one disk. */
    async addVm(id: string): Promise<void> {
      const vdi = await storage.createVdi({ sr: sr.id, name: id, sizeBytes: 8 * MiB })
      await storage.attach(vdi.id)
      const { device } = await storage.activate(vdi.id)
      const disks = [{ slot: 'xvda', device: device ?? '', readOnly: false }]
      worlds.vms.addVm(name, { id, disks })
    },
  }
}

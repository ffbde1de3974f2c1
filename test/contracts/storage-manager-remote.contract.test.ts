import { pino } from 'pino'
import { readDaemonAddress } from '../../src/api/client/daemon-address.ts'
import { createRemoteStorageManager } from '../../src/api/client/remote-storage-manager.ts'
import { storageApi } from '../../src/api/contract/api-descriptions.ts'
import { storageRoutes } from '../../src/api/contract/storage-routes.ts'
import { createServer } from '../../src/api/server/create-server.ts'
import { storageHandlers } from '../../src/daemons/storage/handlers.ts'
import { createMemoryAuditLog } from '../../src/drivers/simulated/audit-log.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import {
  createSimulatedStorage,
  type SimulatedStorageHost,
} from '../../src/drivers/simulated/storage-manager.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { Tokens } from '../../src/engine/access/tokens.ts'
import { newIdentity } from '../support/identities.ts'
import { sampleAccess } from '../support/sample-daemons.ts'
import { describeStorageManagerContract } from './storage-manager.contract.ts'
import type { StorageSide } from './storage-manager.fixture.ts'

describeStorageManagerContract('remote storage manager', async () => {
  const storage = createSimulatedStorage({ clock: systemClock, random: systemRandom })
  const hosts = [await storage.addHost('alpha1'), await storage.addHost('beta1')] as const
  const served = await Promise.all(hosts.map(serve))
  const [source, target] = served
  if (!source || !target) throw new Error('there are two hosts')
  return {
    source: source.side,
    target: target.side,
    newId: systemRandom.uuid,
    deadlineMs: 5_000,
    cutLink: async () => storage.world.cutLink('alpha1', 'beta1'),
    mendLink: async () => storage.world.mendLink('alpha1', 'beta1'),
    holdCopies: (isHeld) => storage.world.holdSync(isHeld),
    dispose: async () => {
      for (const { close } of served) await close()
    },
  }
})

/** The simulated storage manager behind its real API, over a real connection. */
async function serve(host: SimulatedStorageHost) {
  const identity = await newIdentity()
  const start = async (port: number) => {
    const server = createServer({
      ...{ ...storageApi, routes: storageRoutes, access: sampleAccess },
      handlers: storageHandlers(host.manager, {
        tokens: new Tokens({
          ...{ store: createMemoryRecordStore(), clock: systemClock, random: systemRandom },
          onRevoked: () => {},
        }),
        auditLog: createMemoryAuditLog(),
        identity: { fingerprint: identity.fingerprint, url: host.url },
      }),
      log: pino({ level: 'silent' }),
    })
    const tcp = { host: '127.0.0.1', port, identity }
    return { server, port: await server.listen({ tcp }) }
  }
  let { server, port } = await start(0)
  const address = `https://127.0.0.1:${port}#${identity.fingerprint}`
  const manager = createRemoteStorageManager(
    readDaemonAddress(address, async () => 'administrator'),
  )
  const [sr] = await manager.listSrs()
  const wanted = { name: 'other', type: 'simulated', configuration: {} }
  const other = await manager.createSr(wanted)
  const side = {
    manager,
    sr: sr?.id ?? '',
    otherSr: other.id,
    write: host.write,
    read: async (device, block) => host.read(device, block) ?? '',
    restart: async () => {
      await server.close()
      await host.restart()
      ;({ server, port } = await start(port))
      return manager
    },
  } satisfies StorageSide
  const close = async () => {
    await server.close()
    host.manager.close()
  }
  return { side, close }
}

import { pino } from 'pino'
import { createRemoteStorageManager } from '../../src/api/client/remote-storage-manager.ts'
import { storageApi } from '../../src/api/contract/api-descriptions.ts'
import { storageRoutes } from '../../src/api/contract/storage-routes.ts'
import { createServer } from '../../src/api/server/create-server.ts'
import { storageHandlers } from '../../src/daemons/storage/handlers.ts'
import {
  createSimulatedStorage,
  type SimulatedStorageHost,
} from '../../src/drivers/simulated/storage-manager.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
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
  const start = async (port: number) => {
    const server = createServer({
      ...{ ...storageApi, routes: storageRoutes, handlers: storageHandlers(host.manager) },
      log: pino({ level: 'silent' }),
    })
    return { server, url: await server.listen({ host: '127.0.0.1', port }) }
  }
  let { server, url } = await start(0)
  const manager = createRemoteStorageManager(url)
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
      ;({ server, url } = await start(Number(new URL(url).port)))
      return manager
    },
  } satisfies StorageSide
  const close = async () => {
    await server.close()
    host.manager.close()
  }
  return { side, close }
}

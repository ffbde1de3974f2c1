import { hostname } from 'node:os'
import { join } from 'node:path'
import { createToolstackPeers } from '../../api/client/peers.ts'
import { createRemoteStorageManager } from '../../api/client/remote-storage-manager.ts'
import { toolstackApi } from '../../api/contract/api-descriptions.ts'
import { apiVersion } from '../../api/contract/shared.ts'
import { memoryPath, memoryProtocol, toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import { createServer } from '../../api/server/create-server.ts'
import { mountWebUi } from '../../api/server/web-ui.ts'
import { mountXenApi } from '../../api/xenapi/mount.ts'
import { createLmdbRecordStore } from '../../drivers/record-store-lmdb/index.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import type { ToolstackEnvironment } from '../../engine/environment.ts'
import { Toolstack } from '../../engine/vms/toolstack.ts'
import { createLog } from '../../lib/log.ts'
import { measureToolstack } from '../../metrics/toolstack-metrics.ts'
import { hypervisors } from '../drivers.ts'
import { loadConfiguration } from '../load-configuration.ts'
import { operateDaemon } from '../operating.ts'
import { runDaemon } from '../run-daemon.ts'
import { toolstackConfigurationFile, toolstackConfigurationSchema } from './configuration.ts'
import { toolstackHandlers } from './handlers.ts'
import { createXenApi } from './xenapi.ts'

/** The other side may have to make and fill volumes before it answers. */
const peerTimeoutMs = 300_000

/** Beside the program, or where this checkout is built to. */
const webUiFolders = ['ui', '../../../dist/ui'].map((folder) => join(import.meta.dirname, folder))

/** xapi: composes the toolstack from its configuration and serves it. */
await runDaemon(async () => {
  const configuration = loadConfiguration(toolstackConfigurationSchema, toolstackConfigurationFile)
  const { host = hostname(), pool, listen, heartbeat, limits } = configuration
  const log = createLog({ name: 'crosspool-xapi' })
  const store = createLmdbRecordStore({ path: configuration.stateDirectory, clock: systemClock })
  const environment: ToolstackEnvironment = {
    ...{ host, pool, heartbeat, limits, apiVersion, store, log },
    url: configuration.url ?? `http://${host}:${listen.port}`,
    clock: systemClock,
    random: systemRandom,
    storage: createRemoteStorageManager(configuration.storageManager),
    hypervisor: hypervisors[configuration.hypervisor](configuration),
    peers: createToolstackPeers({ timeoutMs: peerTimeoutMs }),
  }
  const toolstack = new Toolstack(environment)
  const server = createServer({
    routes: toolstackRoutes,
    handlers: toolstackHandlers(environment, toolstack),
    ...toolstackApi,
    log,
    connections: configuration.connections,
  })
  server.onUpgrade(memoryPath, memoryProtocol, ({ receiver }, token) =>
    toolstack.receivers.openMemory(receiver, token),
  )
  operateDaemon(server.app, measureToolstack(toolstack, { apiVersion, clock: systemClock, log }), {
    store: () => store.get('ready'),
    storageManager: () => environment.storage.facts(),
    hypervisor: () => environment.hypervisor.host(),
  })
  const xenApi = createXenApi(environment, toolstack)
  mountXenApi(server.app, xenApi)
  mountWebUi(server.app, webUiFolders)
  await toolstack.recover()
  await server.listen({ host: listen.address, port: listen.port })
  log.info({ host, pool, ...listen }, 'xapi is ready')
  return async () => {
    xenApi.close()
    toolstack.close()
    await server.close()
    await store.close()
  }
})

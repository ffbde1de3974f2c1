import { hostname } from 'node:os'
import { join } from 'node:path'
import { readDaemonAddress } from '../../api/client/daemon-address.ts'
import { createToolstackPeers, createTrustPeers } from '../../api/client/peers.ts'
import { PinnedConnector } from '../../api/client/pinned-connector.ts'
import { createRemoteStorageManager } from '../../api/client/remote-storage-manager.ts'
import { toolstackApi } from '../../api/contract/api-descriptions.ts'
import { apiVersion } from '../../api/contract/shared.ts'
import { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import { createServer } from '../../api/server/create-server.ts'
import { mountWebUi } from '../../api/server/web-ui.ts'
import { mountXenApi } from '../../api/xenapi/mount.ts'
import { createLmdbRecordStore } from '../../drivers/record-store-lmdb/index.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import { Trust } from '../../engine/access/trust.ts'
import type { ToolstackEnvironment } from '../../engine/environment.ts'
import { Toolstack } from '../../engine/vms/toolstack.ts'
import { createLog } from '../../lib/log.ts'
import { measureToolstack } from '../../metrics/toolstack-metrics.ts'
import { hypervisors } from '../drivers.ts'
import { loadConfiguration } from '../load-configuration.ts'
import { openAccess } from '../open-access.ts'
import { operateDaemon } from '../operating.ts'
import { runDaemon } from '../run-daemon.ts'
import { toolstackConfigurationFile, toolstackConfigurationSchema } from './configuration.ts'
import { toolstackHandlers } from './handlers.ts'
import { takeMemory } from './receiver-handlers.ts'
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
  const url = configuration.url ?? `https://${host}:${listen.port}`
  const cut = (callerId: string) => {
    server.cut(callerId)
    connector.cut(callerId)
    xenApi.endSessionsOf(callerId)
  }
  const access = await openAccess(configuration.stateDirectory, { store, log }, cut)
  const { identity, tokens, auditLog } = access
  const { fingerprint } = identity
  const trust = new Trust({
    ...{ name: host, pool, url, fingerprint, store, onRevoked: cut },
    ...{ clock: systemClock, random: systemRandom, peers: createTrustPeers(identity) },
  })
  const connector = new PinnedConnector({
    identity,
    fingerprintAt: (at) => trust.fingerprintAt(at),
  })
  const environment: ToolstackEnvironment = {
    ...{ host, pool, heartbeat, limits, apiVersion, store, log },
    url,
    clock: systemClock,
    random: systemRandom,
    storage: createRemoteStorageManager(readDaemonAddress(configuration.storageManager)),
    hypervisor: hypervisors[configuration.hypervisor](configuration),
    peers: createToolstackPeers(connector, { timeoutMs: peerTimeoutMs }),
  }
  const toolstack = new Toolstack(environment)
  const server = createServer({
    routes: toolstackRoutes,
    handlers: toolstackHandlers(environment, toolstack, {
      ...{ tokens, auditLog, trust, identity: { fingerprint, url } },
    }),
    ...toolstackApi,
    log,
    connections: configuration.connections,
    access: access.serverOptions((key) => trust.callerOf(key)),
  })
  takeMemory(server, toolstack.receivers, store)
  operateDaemon(server.app, measureToolstack(toolstack, { apiVersion, clock: systemClock, log }), {
    store: () => store.get('ready'),
    storageManager: () => environment.storage.facts(),
    hypervisor: () => environment.hypervisor.host(),
  })
  const xenApi = createXenApi(environment, toolstack, access)
  mountXenApi(server.app, xenApi)
  mountWebUi(server.app, webUiFolders)
  await toolstack.recover()
  await server.listen({
    socketPath: `${configuration.runtimeDirectory}/xapi.sock`,
    tcp: { host: listen.address, port: listen.port, identity },
  })
  log.info({ host, pool, ...listen }, 'xapi is ready')
  return async () => {
    xenApi.close()
    toolstack.close()
    await server.close()
    await store.close()
  }
})

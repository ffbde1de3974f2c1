import { readFile, realpath } from 'node:fs/promises'
import { hostname } from 'node:os'
import { createStoragePeers } from '../../api/client/peers.ts'
import { storageApi } from '../../api/contract/api-descriptions.ts'
import { apiVersion } from '../../api/contract/shared.ts'
import { storageRoutes } from '../../api/contract/storage-routes.ts'
import { createServer } from '../../api/server/create-server.ts'
import { createLmdbRecordStore } from '../../drivers/record-store-lmdb/index.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import { createStorageManager } from '../../engine/disks/storage-manager.ts'
import { createLog } from '../../lib/log.ts'
import { measureStorage } from '../../metrics/storage-metrics.ts'
import { datapaths, volumeStores } from '../drivers.ts'
import { loadConfiguration } from '../load-configuration.ts'
import { openAccess } from '../open-access.ts'
import { operateDaemon } from '../operating.ts'
import { runDaemon } from '../run-daemon.ts'
import { storageConfigurationFile, storageConfigurationSchema } from './configuration.ts'
import { storageHandlers } from './handlers.ts'

/** The other side brings its replication up before it answers. */
const peerTimeoutMs = 300_000

/** sm: composes the storage manager from its configuration and serves it. It needs no xapi. */
await runDaemon(async () => {
  const configuration = loadConfiguration(storageConfigurationSchema, storageConfigurationFile)
  const { host = hostname(), listen, stateDirectory } = configuration
  const url = configuration.url ?? `https://${host}:${listen.port}`
  const log = createLog({ name: 'crosspool-sm' })
  const store = createLmdbRecordStore({ path: `${stateDirectory}/sm`, clock: systemClock })
  const access = await openAccess(`${stateDirectory}/sm-access`, { store, log }, (id) =>
    server.cut(id),
  )
  const { identity, tokens, auditLog } = access
  const address = configuration.replicationAddress ?? new URL(url).hostname
  const { datapath, close } = await datapaths[configuration.datapath]({
    ...configuration,
    ...{ address, records: store, log },
  })
  const storage = createStorageManager({
    ...{ host, url, apiVersion, store, volumeStores, datapath, log },
    fingerprint: identity.fingerprint,
    bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    peers: createStoragePeers(identity, { timeoutMs: peerTimeoutMs }),
    clock: systemClock,
    random: systemRandom,
    resolvePath: (path) => realpath(path).catch(() => path),
  })
  await storage.resumeAfterRestart()
  const server = createServer({
    routes: storageRoutes,
    handlers: storageHandlers(storage, {
      ...{ tokens, auditLog },
      identity: { fingerprint: identity.fingerprint, url },
    }),
    ...storageApi,
    log,
    connections: configuration.connections,
    // It trusts no host as such: a source shows the secret of its URI.
    access: access.serverOptions(async () => null),
  })
  operateDaemon(server.app, measureStorage(storage, { apiVersion, clock: systemClock, log }), {
    store: () => store.get('ready'),
    datapath: () => datapath.inventory(),
  })
  await server.listen({
    socketPath: `${configuration.runtimeDirectory}/sm.sock`,
    tcp: { host: listen.address, port: listen.port, identity },
  })
  log.info({ host, ...listen, datapath: datapath.capabilities.description }, 'sm is ready')
  return async () => {
    await server.close()
    storage.close()
    await close()
    await store.close()
  }
})

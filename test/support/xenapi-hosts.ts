import { pino } from 'pino'
import { createToolstackPeers, createTrustPeers } from '../../src/api/client/peers.ts'
import { PinnedConnector } from '../../src/api/client/pinned-connector.ts'
import { toolstackApi } from '../../src/api/contract/api-descriptions.ts'
import { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import { createServer } from '../../src/api/server/create-server.ts'
import { mountXenApi } from '../../src/api/xenapi/mount.ts'
import { toolstackHandlers } from '../../src/daemons/toolstack/handlers.ts'
import { takeMemory } from '../../src/daemons/toolstack/receiver-handlers.ts'
import { createXenApi } from '../../src/daemons/toolstack/xenapi.ts'
import { createMemoryAuditLog } from '../../src/drivers/simulated/audit-log.ts'
import { createSimulatedHypervisor } from '../../src/drivers/simulated/hypervisor.ts'
import {
  createHypervisorWorld,
  type HypervisorWorld,
} from '../../src/drivers/simulated/hypervisor-world.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import {
  createSimulatedStorage,
  type SimulatedStorageHost,
} from '../../src/drivers/simulated/storage-manager.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { Tokens } from '../../src/engine/access/tokens.ts'
import { Trust } from '../../src/engine/access/trust.ts'
import type { ToolstackEnvironment } from '../../src/engine/environment.ts'
import { Toolstack } from '../../src/engine/vms/toolstack.ts'
import { MiB } from '../../src/lib/units.ts'
import type { AuditEntry } from '../../src/model/access.ts'
import { silentLog } from '../../src/ports/log.ts'
import { newIdentity } from './identities.ts'
import { withOpenDoor } from './open-door.ts'

export interface XenApiHost {
  /** Plain HTTP, for clients that are tested for other things; without a token nobody logs in there either. */
  readonly url: string
  /** As other hosts and clients reach it. */
  readonly secureUrl: string
  readonly fingerprint: string
  readonly trust: Trust
  /** An administrator's token, the password of a login. */
  readonly token: string
  readonly tokens: Tokens
  readonly toolstack: Toolstack
  readonly storage: SimulatedStorageHost
}

export interface XenApiHosts {
  readonly source: XenApiHost
  readonly destination: XenApiHost
  readonly vms: HypervisorWorld
  /** A running VM with one disk of an SR and one interface at the source. */
  readonly vm: string
  close(): Promise<void>
}

export const vmName = 'database'

/** Two whole daemons of two pools over HTTP in real time; only disks and hypervisors are simulated. */
export async function startXenApiHosts(): Promise<XenApiHosts> {
  const disks = createSimulatedStorage({ clock: systemClock, random: systemRandom })
  const vms = createHypervisorWorld()
  const start = async (host: string, pool: string) => {
    vms.addHost(host, { networks: [`${host}-lan`, `${host}-storage`] })
    return startHost({ host, pool }, await disks.addHost(host), vms)
  }
  const [source, destination] = [await start('alpha1', 'alpha'), await start('beta1', 'beta')]
  await destination.trust.join((await source.trust.invite()).line)
  const vm = systemRandom.uuid()
  vms.addVm('alpha1', {
    ...{ id: vm, name: vmName, memoryBytes: 4 * MiB },
    disks: [{ slot: 'xvda', device: await newDisk(source.storage), readOnly: false }],
    interfaces: [{ slot: '0', mac: '00:16:3e:00:00:01', network: 'alpha1-lan' }],
  })
  return {
    ...{ source, destination, vms, vm },
    close: async () => {
      await Promise.all([source.close(), destination.close()])
      source.storage.manager.close()
      destination.storage.manager.close()
    },
  }
}

async function newDisk({ manager }: SimulatedStorageHost): Promise<string> {
  const [sr] = await manager.listSrs()
  const vdi = await manager.createVdi({ sr: sr?.id ?? '', name: 'root', sizeBytes: 8 * MiB })
  await manager.attach(vdi.id)
  const { device } = await manager.activate(vdi.id)
  if (device === null) throw new Error('an activated disk has a device')
  return device
}

async function startHost(
  place: { readonly host: string; readonly pool: string },
  storage: SimulatedStorageHost,
  vms: HypervisorWorld,
) {
  let url = 'https://127.0.0.1:1'
  const identity = await newIdentity()
  const { fingerprint } = identity
  const store = createMemoryRecordStore()
  const parts = { store, clock: systemClock, random: systemRandom }
  const auditLog = createMemoryAuditLog()
  const note = (entry: Omit<AuditEntry, 'atMs'>) =>
    void auditLog.append({ ...entry, atMs: systemClock.now() })
  const onRevoked = (callerId: string) => {
    server.cut(callerId)
    face.endSessionsOf(callerId)
  }
  const tokens = new Tokens({ ...parts, onRevoked })
  const trust = new Trust({
    ...{ ...parts, fingerprint, onRevoked, name: place.host, pool: place.pool },
    get url() {
      return url
    },
    peers: createTrustPeers(identity),
  })
  const connector = new PinnedConnector({
    identity,
    fingerprintAt: (at) => trust.fingerprintAt(at),
  })
  const environment: ToolstackEnvironment = {
    ...place,
    // Known only once the server has found a port.
    get url() {
      return url
    },
    ...{ apiVersion: '1.0', clock: systemClock, random: systemRandom, log: silentLog },
    storage: storage.manager,
    hypervisor: createSimulatedHypervisor(vms, place.host, { clock: systemClock, chunkMs: 20 }),
    peers: createToolstackPeers(connector),
    store,
    heartbeat: { intervalMs: 200, deadlineMs: 5_000 },
  }
  const toolstack = new Toolstack(environment)
  const server = createServer({
    ...{ ...toolstackApi, routes: toolstackRoutes, log: pino({ level: 'silent' }) },
    handlers: toolstackHandlers(environment, toolstack, {
      ...{ tokens, trust, auditLog, identity: { fingerprint, url } },
    }),
    access: {
      callerOfToken: (secret) => tokens.callerOf(secret),
      callerOfFingerprint: (key) => trust.callerOf(key),
      note,
    },
  })
  takeMemory(server, toolstack.receivers, store)
  const face = createXenApi(environment, toolstack, { tokens, note })
  mountXenApi(server.app, face)
  const door = withOpenDoor(server)
  const openUrl = await door.listen({ host: '127.0.0.1', port: 0 })
  const port = await server.listen({ tcp: { host: '127.0.0.1', port: 0, identity } })
  url = `https://127.0.0.1:${port}`
  const { secret } = await tokens.create({ name: 'test', role: 'administrator' })
  const close = async () => {
    face.close()
    await door.close()
  }
  const seen = { url: openUrl, secureUrl: url, fingerprint, token: secret }
  return { ...seen, trust, tokens, toolstack, storage, close }
}

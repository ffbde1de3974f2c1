import { pino } from 'pino'
import type { accessRoutes } from '../../src/api/contract/access-routes.ts'
import type { Handlers, RouteResponse, Subscribe } from '../../src/api/contract/route.ts'
import { apiVersion } from '../../src/api/contract/shared.ts'
import { storageRoutes } from '../../src/api/contract/storage-routes.ts'
import { toolstackRoutes } from '../../src/api/contract/toolstack-routes.ts'
import type { AccessOptions } from '../../src/api/server/access.ts'
import { createServer, type ServerOptions } from '../../src/api/server/create-server.ts'
import { roleSchema } from '../../src/model/access.ts'
import type { KnownInventory } from '../../src/model/inventory.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { Relocation } from '../../src/model/relocation.ts'
import type { Replication } from '../../src/model/replication.ts'
import { withOpenDoor } from './open-door.ts'
import {
  sample,
  sampleInventory,
  sampleKnownInventory,
  sampleReplica,
  sampleSchedule,
} from './sample-documents.ts'

const sampleAccessHandlers: Handlers<typeof accessRoutes> = {
  getSession: async () => ({ kind: 'local', name: 'local', role: 'administrator' }),
  getIdentity: async () => sample.identity,
  createToken: async () => ({ token: sample.token, secret: 'sample-secret' }),
  listTokens: async () => [sample.token],
  revokeToken: async () => ({}),
  listAudit: async () => [sample.auditEntry],
}

/** Handlers that answer the samples; a test replaces those that it is about. */
const sampleToolstackHandlers: Handlers<typeof toolstackRoutes> = {
  health: async () => ({ status: 'ok', apiVersion }),
  ...sampleAccessHandlers,
  listPeers: async () => [sample.peer],
  invitePeer: async () => ({ line: 'https://beta1:7311#key#code', expiresAtMs: 1 }),
  joinPeer: async () => sample.peer,
  introducePeer: async () => ({ name: 'alpha1', pool: 'alpha', url: 'https://alpha1:7311' }),
  revokePeer: async () => ({}),
  listPools: async () => [{ name: 'alpha', hosts: ['alpha1'] }],
  getHost: async () => sample.host,
  listHosts: async () => [sample.host],
  introduceHost: async () => sample.host,
  forgetHost: async () => ({}),
  getInventory: async () => sampleInventory,
  listInventories: async () => [sampleKnownInventory],
  watchInventories: async () => announce<KnownInventory[]>([[sampleKnownInventory]]),
  listNetworks: async () => sample.host.networks,
  listVms: async () => [sample.vm],
  getVm: async () => sample.vm,
  startVm: async () => sample.vm,
  startHaltedVm: async () => sample.vm,
  shutdownVm: async () => ({}),
  rebootVm: async () => ({}),
  pauseVm: async () => ({ ...sample.vm, state: 'paused' }),
  unpauseVm: async () => sample.vm,
  destroyVm: async () => ({}),
  forgetVm: async () => ({}),
  preflight: async () => ({ possible: true, checks: [], disks: [], interfaces: [] }),
  replicate: async () => sample.operation,
  listReplicas: async () => [sampleReplica],
  dropReplicas: async () => [{ id: 'r-2', other: 'beta/beta1', isToldThere: true }],
  listReplicaSchedules: async () => [sampleSchedule],
  getReplicaSchedule: async () => sampleSchedule,
  putReplicaSchedule: async () => sampleSchedule,
  removeReplicaSchedule: async () => ({}),
  replicaDropped: async () => ({}),
  getClaim: async () => ({ epoch: 1, isClaimed: false, keepsReplica: false }),
  migrate: async () => sample.operation,
  receiveRequest: async () => sample.receiveRequest,
  send: async () => sample.sending,
  getSending: async () => sample.sending,
  resumeSending: async () => ({ ...sample.sending, state: 'ended' }),
  forgetSending: async () => ({ ...sample.sending, state: 'forgotten' }),
  listOperations: async () => [sample.operation],
  getOperation: async () => sample.operation,
  watchOperation: async () => announce<Operation>([{ ...sample.operation, state: 'succeeded' }]),
  cancelOperation: async () => sample.operation,
  limitOperation: async () => sample.operation,
  listOwnerships: async () => [sample.ownership],
  decideOwnership: async () => ({ ...sample.ownership, settled: true }),
  moveDisk: async () => sample.operation,
  receivePreflight: async () => ({ possible: true, checks: [], disks: [], interfaces: [] }),
  receive: async () => ({ receiver: sample.receiver, token: 'sample-token' }),
  listReceivers: async () => [sample.receiver],
  getReceiver: async () => sample.receiver,
  heartbeat: async ({ body }) => ({
    ...{ sequence: body.sequence, receivedAtMs: 1, state: 'receiving', reason: null },
  }),
  take: async () => ({ ...sample.receiver, state: 'owned' }),
  start: async () => ({ ...sample.receiver, state: 'running' }),
  close: async () => ({ ...sample.receiver, state: 'closed' }),
  getDiskWrites: async () => [{ slot: 'xvda', count: 12, tookUs: 4_800 }],
  abort: async () => ({ ...sample.receiver, state: 'aborted' }),
}

type StorageResponse = RouteResponse<(typeof storageRoutes)['getVdi']>
const vdi = async (): Promise<StorageResponse> => sample.vdi
const nothing = async () => ({})

const sampleStorageHandlers: Handlers<typeof storageRoutes> = {
  health: async () => ({ status: 'ok', apiVersion }),
  ...sampleAccessHandlers,
  facts: async () => ({
    host: 'alpha1',
    apiVersion,
    fingerprint: sample.identity.fingerprint,
    replicationSchemes: ['drbd+wireguard'],
    encryptionObstacle: null,
    deviceKind: 'block',
    keepModes: ['every-write'],
    verifies: true,
  }),
  listSrs: async () => [sample.sr],
  createSr: async () => sample.sr,
  forgetSr: nothing,
  listVdis: async () => [sample.vdi],
  createVdi: vdi,
  getVdi: vdi,
  destroyVdi: nothing,
  attach: vdi,
  activate: vdi,
  deactivate: vdi,
  detach: vdi,
  adopt: vdi,
  disown: vdi,
  getReplicationTarget: async () => ({
    uri: 'drbd://h:1/r-1?size=1&secret=aa',
    replication: 'r-1',
  }),
  replicateTo: async () => sample.replication,
  relocate: vdi,
  watchRelocation: async () =>
    announce<Relocation>([
      {
        ...{ vdi: 'vdi-1', sr: 'sr-1', state: 'moved', sizeBytes: 1024, leftBytes: 0, error: null },
      },
    ]),
  cancelRelocation: nothing,
  listReplications: async () => [sample.replication],
  getReplication: async () => sample.replication,
  watchReplication: async () =>
    announce<Replication>([{ ...sample.replication, state: 'stopped' }]),
  verifyReplication: async () => sample.replication,
  limitReplication: async ({ body }) => ({ ...sample.replication, ...body }),
  keepReplication: nothing,
  stopReplication: nothing,
  join: async ({ body }) => ({ welcome: { ...body.hello, port: 7790 } }),
  armHandover: nothing,
  releaseDisks: nothing,
  reclaimDisks: nothing,
  takeDisks: nothing,
  leftovers: async () => [{ kind: 'minor', name: '100', owner: 'r-1', reason: null }],
  cleanLeftovers: async () => [{ kind: 'minor', name: '100', owner: 'r-1', reason: null }],
}

/** A subscription that tells these events at once. */
export function announce<T>(events: readonly T[]): Subscribe<T> {
  return (listener) => {
    for (const event of events) listener(event)
    return () => {}
  }
}

/** A token is the name of a role; every key is a peer's. */
export const sampleAccess: AccessOptions = {
  async callerOfToken(secret) {
    const { data: role } = roleSchema.safeParse(secret)
    return role ? { kind: 'token', id: secret, name: secret, role, expiresAtMs: null } : null
  },
  callerOfFingerprint: async (id) => ({
    ...{ kind: 'peer', id, name: 'beta/beta1', role: null, expiresAtMs: null },
  }),
  note: () => {},
}

const about = {
  ...{ description: 'For tests', version: '0.0.0', log: pino({ level: 'silent' }) },
  access: sampleAccess,
}

type SampleOptions = Partial<typeof about> &
  Pick<ServerOptions<typeof toolstackRoutes>, 'eventHeartbeatMs' | 'connections'>

/** As it is: it lets in only who may. */
export function guardedToolstack(
  handlers: Partial<Handlers<typeof toolstackRoutes>> = {},
  options: SampleOptions = {},
) {
  return createServer({
    routes: toolstackRoutes,
    handlers: { ...sampleToolstackHandlers, ...handlers },
    ...{ title: 'xapi', ...about, ...options },
  })
}

/** For tests of other things: plain HTTP, and everybody may. */
export function sampleToolstack(
  handlers: Partial<Handlers<typeof toolstackRoutes>> = {},
  options: SampleOptions = {},
) {
  return withOpenDoor(guardedToolstack(handlers, options))
}

export function guardedStorage(
  handlers: Partial<Handlers<typeof storageRoutes>> = {},
  options: SampleOptions = {},
) {
  return createServer({
    routes: storageRoutes,
    handlers: { ...sampleStorageHandlers, ...handlers },
    ...{ title: 'sm', ...about, ...options },
  })
}

export function sampleStorage(handlers: Partial<Handlers<typeof storageRoutes>> = {}) {
  return withOpenDoor(guardedStorage(handlers))
}

import { z } from 'zod'
import { hostSchema, networkSchema, poolSchema } from '../../model/host.ts'
import { inventorySchema, knownInventorySchema } from '../../model/inventory.ts'
import {
  migrateRequestSchema,
  preflightSchema,
  receiveRequestSchema,
} from '../../model/migration.ts'
import { isEnded, type Operation, operationSchema } from '../../model/operation.ts'
import { decisionSchema, ownershipSchema } from '../../model/ownership.ts'
import type { MemoryEncoding } from '../../model/receiver.ts'
import { replicationLimitSchema } from '../../model/replication.ts'
import { sendingSchema, sendRequestSchema } from '../../model/sending.ts'
import { accessRoutes, trustRoutes } from './access-routes.ts'
import { receiverRoutes } from './receiver-routes.ts'
import { replicaRoutes } from './replica-routes.ts'
import { defineRoutes } from './route.ts'
import { emptySchema, healthSchema } from './shared.ts'
import { vmRoutes } from './vm-routes.ts'

/** xapi's API. */
export const toolstackRoutes = defineRoutes({
  health: {
    method: 'GET',
    path: '/health',
    role: 'anyone',
    summary: 'Is the daemon alive',
    response: healthSchema,
  },
  ...accessRoutes,
  ...trustRoutes,
  listPools: {
    method: 'GET',
    path: '/pools',
    role: 'viewer',
    summary: 'Pools that this host knows',
    response: z.array(poolSchema),
  },
  getHost: {
    method: 'GET',
    path: '/host',
    role: 'viewer',
    peers: true,
    summary: 'This host',
    response: hostSchema,
  },
  listHosts: {
    method: 'GET',
    path: '/hosts',
    role: 'viewer',
    summary: 'This host and all that were introduced to it',
    response: z.array(hostSchema),
  },
  introduceHost: {
    method: 'POST',
    path: '/hosts',
    role: 'administrator',
    summary: 'Makes another host known, of this pool or of another',
    body: z.object({ url: z.url() }),
    response: hostSchema,
    status: 201,
    errors: ['PEER_UNREACHABLE'],
  },
  forgetHost: {
    method: 'DELETE',
    path: '/hosts/{host}',
    role: 'administrator',
    summary: 'Forgets a host that was introduced',
    response: emptySchema,
  },
  getInventory: {
    method: 'GET',
    path: '/inventory',
    role: 'viewer',
    peers: true,
    summary: 'All that is on this host',
    response: inventorySchema,
  },
  listInventories: {
    method: 'GET',
    path: '/inventories',
    role: 'viewer',
    summary: 'All that is on this host and on all that were introduced to it',
    response: z.array(knownInventorySchema),
  },
  watchInventories: {
    method: 'GET',
    path: '/inventories/events',
    role: 'viewer',
    summary: 'The same at every change',
    response: z.array(knownInventorySchema),
    events: true,
  },
  listNetworks: {
    method: 'GET',
    path: '/networks',
    role: 'viewer',
    summary: 'Networks of this host',
    response: z.array(networkSchema),
  },
  ...vmRoutes,
  preflight: {
    method: 'POST',
    path: '/vms/{vm}/preflight',
    role: 'viewer',
    isUnnoted: true,
    summary: 'VM.assert_can_migrate: every check, nothing is changed',
    body: migrateRequestSchema,
    response: preflightSchema,
    errors: ['NOT_FOUND', 'PEER_UNREACHABLE'],
  },
  migrate: {
    method: 'POST',
    path: '/vms/{vm}/migrate',
    role: 'operator',
    summary: 'VM.migrate: answers the operation, which goes on by itself',
    body: migrateRequestSchema,
    response: operationSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'PEER_UNREACHABLE', 'PREFLIGHT_FAILED'],
  },
  replicate: {
    method: 'POST',
    path: '/vms/{vm}/replicate',
    role: 'operator',
    summary: 'Keeps replicas of its disks at another host, as `keepReplica` says; the VM stays',
    body: migrateRequestSchema,
    response: operationSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'BAD_REQUEST', 'PEER_UNREACHABLE', 'PREFLIGHT_FAILED'],
  },
  moveDisk: {
    method: 'POST',
    path: '/vdis/{vdi}/move',
    role: 'operator',
    summary: 'VDI.pool_migrate: moves a disk, in use or not, to another SR of this host',
    body: z.object({ sr: z.string().describe('id or name of the SR') }),
    response: operationSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY'],
  },
  receiveRequest: {
    method: 'POST',
    path: '/vms/{vm}/receive-request',
    role: 'viewer',
    isUnnoted: true,
    summary: 'By hand: the words in which VM.receive is to be asked for this VM',
    body: migrateRequestSchema,
    response: receiveRequestSchema,
    errors: ['NOT_FOUND'],
  },
  send: {
    method: 'POST',
    path: '/vms/{vm}/send',
    role: 'operator',
    summary: 'By hand: sends the memory to a receiver; the VM is paused when it is across',
    body: sendRequestSchema,
    response: sendingSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'PEER_UNREACHABLE', 'UNAUTHORIZED', 'WRONG_STATE'],
  },
  getSending: {
    method: 'GET',
    path: '/sendings/{sending}',
    role: 'viewer',
    summary: 'By hand: how far the memory is',
    response: sendingSchema,
    errors: ['NOT_FOUND'],
  },
  resumeSending: {
    method: 'POST',
    path: '/sendings/{sending}/resume',
    role: 'operator',
    summary: 'By hand: the VM runs on here',
    response: sendingSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  forgetSending: {
    method: 'POST',
    path: '/sendings/{sending}/forget',
    role: 'operator',
    summary: 'By hand: the VM runs there; removes the paused copy here',
    response: sendingSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  listOperations: {
    method: 'GET',
    path: '/operations',
    role: 'viewer',
    summary: 'Operations, the newest first',
    response: z.array(operationSchema),
  },
  getOperation: {
    method: 'GET',
    path: '/operations/{operation}',
    role: 'viewer',
    summary: 'One operation',
    response: operationSchema,
    errors: ['NOT_FOUND'],
  },
  watchOperation: {
    method: 'GET',
    path: '/operations/{operation}/events',
    role: 'viewer',
    summary: 'The operation at every change, until it has ended',
    response: operationSchema,
    events: true,
    isLast: (operation: Operation) => isEnded(operation),
    errors: ['NOT_FOUND'],
  },
  cancelOperation: {
    method: 'POST',
    path: '/operations/{operation}/cancel',
    role: 'operator',
    summary: 'Takes everything back; possible until the VM has been released',
    response: operationSchema,
    errors: ['NOT_FOUND', 'TOO_LATE_TO_CANCEL'],
  },
  limitOperation: {
    method: 'POST',
    path: '/operations/{operation}/limit',
    role: 'operator',
    summary: 'Limits the copying of the disks from now on',
    body: replicationLimitSchema,
    response: operationSchema,
    errors: ['NOT_FOUND'],
  },

  listOwnerships: {
    method: 'GET',
    path: '/ownerships',
    role: 'viewer',
    summary: 'Who may run which VM, as far as this host knows, and what would settle what is open',
    response: z.array(ownershipSchema),
  },
  decideOwnership: {
    method: 'POST',
    path: '/ownerships/{vm}/decide',
    role: 'administrator',
    summary: 'An administrator decides what the two hosts cannot tell any more',
    body: decisionSchema,
    response: ownershipSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  ...replicaRoutes,
  ...receiverRoutes,
})

/** The memory stream is an HTTP upgrade of a GET below /v1 with the token, which OpenAPI cannot describe. */
export const memoryPath = '/receivers/{receiver}/memory'
export const memoryProtocols: Readonly<Record<MemoryEncoding, string>> = {
  plain: 'crosspool-memory/1',
  deflate: 'crosspool-memory-deflate/1',
}

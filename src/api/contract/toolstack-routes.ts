import { z } from 'zod'
import { hostSchema, networkSchema, poolSchema } from '../../model/host.ts'
import { inventorySchema, knownInventorySchema } from '../../model/inventory.ts'
import {
  heartbeatAnswerSchema,
  heartbeatSchema,
  migrateRequestSchema,
  preflightSchema,
  receiveRequestSchema,
  receiverGrantSchema,
  receiverSchema,
} from '../../model/migration.ts'
import { isEnded, type Operation, operationSchema } from '../../model/operation.ts'
import { decisionSchema, ownershipSchema } from '../../model/ownership.ts'
import { replicationLimitSchema } from '../../model/replication.ts'
import { sendingSchema, sendRequestSchema } from '../../model/sending.ts'
import { defineRoutes } from './route.ts'
import { emptySchema, healthSchema } from './shared.ts'
import { vmRoutes } from './vm-routes.ts'

/** xapi's API. */
export const toolstackRoutes = defineRoutes({
  health: {
    method: 'GET',
    path: '/health',
    summary: 'Is the daemon alive',
    response: healthSchema,
  },
  listPools: {
    method: 'GET',
    path: '/pools',
    summary: 'Pools that this host knows',
    response: z.array(poolSchema),
  },
  getHost: { method: 'GET', path: '/host', summary: 'This host', response: hostSchema },
  listHosts: {
    method: 'GET',
    path: '/hosts',
    summary: 'This host and all that were introduced to it',
    response: z.array(hostSchema),
  },
  introduceHost: {
    method: 'POST',
    path: '/hosts',
    summary: 'Makes another host known, of this pool or of another',
    body: z.object({ url: z.url() }),
    response: hostSchema,
    status: 201,
    errors: ['PEER_UNREACHABLE'],
  },
  forgetHost: {
    method: 'DELETE',
    path: '/hosts/{host}',
    summary: 'Forgets a host that was introduced',
    response: emptySchema,
  },
  getInventory: {
    method: 'GET',
    path: '/inventory',
    summary: 'All that is on this host',
    response: inventorySchema,
  },
  listInventories: {
    method: 'GET',
    path: '/inventories',
    summary: 'All that is on this host and on all that were introduced to it',
    response: z.array(knownInventorySchema),
  },
  watchInventories: {
    method: 'GET',
    path: '/inventories/events',
    summary: 'The same at every change',
    response: z.array(knownInventorySchema),
    events: true,
  },
  listNetworks: {
    method: 'GET',
    path: '/networks',
    summary: 'Networks of this host',
    response: z.array(networkSchema),
  },
  ...vmRoutes,
  preflight: {
    method: 'POST',
    path: '/vms/{vm}/preflight',
    summary: 'VM.assert_can_migrate: every check, nothing is changed',
    body: migrateRequestSchema,
    response: preflightSchema,
    errors: ['NOT_FOUND', 'PEER_UNREACHABLE'],
  },
  migrate: {
    method: 'POST',
    path: '/vms/{vm}/migrate',
    summary: 'VM.migrate: answers the operation, which goes on by itself',
    body: migrateRequestSchema,
    response: operationSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'PEER_UNREACHABLE', 'PREFLIGHT_FAILED'],
  },
  moveDisk: {
    method: 'POST',
    path: '/vdis/{vdi}/move',
    summary: 'VDI.pool_migrate: moves a disk, in use or not, to another SR of this host',
    body: z.object({ sr: z.string().describe('id or name of the SR') }),
    response: operationSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY'],
  },
  receiveRequest: {
    method: 'POST',
    path: '/vms/{vm}/receive-request',
    summary: 'By hand: the words in which VM.receive is to be asked for this VM',
    body: migrateRequestSchema,
    response: receiveRequestSchema,
    errors: ['NOT_FOUND'],
  },
  send: {
    method: 'POST',
    path: '/vms/{vm}/send',
    summary: 'By hand: sends the memory to a receiver; the VM is paused when it is across',
    body: sendRequestSchema,
    response: sendingSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'PEER_UNREACHABLE', 'UNAUTHORIZED', 'WRONG_STATE'],
  },
  getSending: {
    method: 'GET',
    path: '/sendings/{sending}',
    summary: 'By hand: how far the memory is',
    response: sendingSchema,
    errors: ['NOT_FOUND'],
  },
  resumeSending: {
    method: 'POST',
    path: '/sendings/{sending}/resume',
    summary: 'By hand: the VM runs on here',
    response: sendingSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  forgetSending: {
    method: 'POST',
    path: '/sendings/{sending}/forget',
    summary: 'By hand: the VM runs there; removes the paused copy here',
    response: sendingSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  listOperations: {
    method: 'GET',
    path: '/operations',
    summary: 'Operations, the newest first',
    response: z.array(operationSchema),
  },
  getOperation: {
    method: 'GET',
    path: '/operations/{operation}',
    summary: 'One operation',
    response: operationSchema,
    errors: ['NOT_FOUND'],
  },
  watchOperation: {
    method: 'GET',
    path: '/operations/{operation}/events',
    summary: 'The operation at every change, until it has ended',
    response: operationSchema,
    events: true,
    isLast: (operation: Operation) => isEnded(operation),
    errors: ['NOT_FOUND'],
  },
  cancelOperation: {
    method: 'POST',
    path: '/operations/{operation}/cancel',
    summary: 'Takes everything back; possible until the VM has been released',
    response: operationSchema,
    errors: ['NOT_FOUND', 'TOO_LATE_TO_CANCEL'],
  },
  limitOperation: {
    method: 'POST',
    path: '/operations/{operation}/limit',
    summary: 'Limits the copying of the disks from now on',
    body: replicationLimitSchema,
    response: operationSchema,
    errors: ['NOT_FOUND'],
  },

  listOwnerships: {
    method: 'GET',
    path: '/ownerships',
    summary: 'Who may run which VM, as far as this host knows, and what would settle what is open',
    response: z.array(ownershipSchema),
  },
  decideOwnership: {
    method: 'POST',
    path: '/ownerships/{vm}/decide',
    summary: 'An administrator decides what the two hosts cannot tell any more',
    body: decisionSchema,
    response: ownershipSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },

  receivePreflight: {
    method: 'POST',
    path: '/receivers/preflight',
    summary: "Between xapis: the destination's checks",
    body: receiveRequestSchema,
    response: preflightSchema,
  },
  receive: {
    method: 'POST',
    path: '/receivers',
    summary: 'VM.receive: reserves all that the VM needs here',
    body: receiveRequestSchema,
    response: receiverGrantSchema,
    status: 201,
    errors: ['BUSY', 'QUEUE_FULL', 'SR_FULL', 'MEMORY_SHORT', 'PREFLIGHT_FAILED', 'STALE_EPOCH'],
  },
  listReceivers: {
    method: 'GET',
    path: '/receivers',
    summary: 'VMs that are arriving',
    response: z.array(receiverSchema),
  },
  getReceiver: {
    method: 'GET',
    path: '/receivers/{receiver}',
    summary: 'One of them',
    response: receiverSchema,
    token: true,
    errors: ['NOT_FOUND', 'UNAUTHORIZED'],
  },
  heartbeat: {
    method: 'POST',
    path: '/receivers/{receiver}/heartbeat',
    summary: 'Between xapis, at every interval',
    body: heartbeatSchema,
    response: heartbeatAnswerSchema,
    token: true,
    errors: ['NOT_FOUND', 'UNAUTHORIZED'],
  },
  take: {
    method: 'POST',
    path: '/receivers/{receiver}/take',
    summary: 'The source has released the VM: the destination takes the disks',
    body: z.object({ epoch: z.int().positive(), start: z.boolean() }),
    response: receiverSchema,
    token: true,
    errors: ['NOT_FOUND', 'UNAUTHORIZED', 'HANDOVER_REFUSED', 'STALE_EPOCH'],
  },
  start: {
    method: 'POST',
    path: '/receivers/{receiver}/start',
    summary: 'Runs the VM, once its disks have been taken',
    response: receiverSchema,
    token: true,
    errors: ['NOT_FOUND', 'UNAUTHORIZED', 'WRONG_STATE'],
  },
  close: {
    method: 'POST',
    path: '/receivers/{receiver}/close',
    summary: 'The source has let go: the mirrors are taken out here',
    response: receiverSchema,
    token: true,
    errors: ['NOT_FOUND', 'UNAUTHORIZED', 'WRONG_STATE'],
  },
  abort: {
    method: 'POST',
    path: '/receivers/{receiver}/abort',
    summary: 'Refuses the VM for good and removes everything made for it',
    body: z.object({ reason: z.string().max(500) }),
    response: receiverSchema,
    token: true,
    errors: ['NOT_FOUND', 'UNAUTHORIZED', 'TOO_LATE_TO_CANCEL'],
  },
})

/** The memory stream is an HTTP upgrade of a GET below /v1 with the token, which OpenAPI cannot describe. */
export const memoryPath = '/receivers/{receiver}/memory'
export const memoryProtocol = 'crosspool-memory/1'

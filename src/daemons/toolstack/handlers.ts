import type { Handlers } from '../../api/contract/route.ts'
import { apiVersion } from '../../api/contract/shared.ts'
import type { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import type { Trust } from '../../engine/access/trust.ts'
import type { ToolstackEnvironment } from '../../engine/environment.ts'
import { describeHost } from '../../engine/vms/describe-host.ts'
import type { Toolstack } from '../../engine/vms/toolstack.ts'
import { type AccessParts, accessHandlers } from '../access-handlers.ts'
import { receiverHandlers } from './receiver-handlers.ts'
import { trustHandlers } from './trust-handlers.ts'

/** Which of the toolstack's methods answers which route. */
export function toolstackHandlers(
  environment: ToolstackEnvironment,
  toolstack: Toolstack,
  access: AccessParts & { readonly trust: Trust },
): Handlers<typeof toolstackRoutes> {
  const { hosts, inventories, operations, ownerships, receivers, replicas, schedules, sendings } =
    toolstack
  return {
    ...accessHandlers(access),
    ...trustHandlers(access.trust, hosts),
    ...receiverHandlers(receivers, environment.store),
    health: async () => ({ status: 'ok', apiVersion }),
    listPools: () => hosts.pools(),
    getHost: () => describeHost(environment),
    listHosts: () => hosts.list(),
    introduceHost: ({ body }) => hosts.introduce(body.url),
    forgetHost: async ({ params }) => {
      await hosts.forget(params.host)
      return {}
    },
    getInventory: () => inventories.own(),
    listInventories: () => inventories.all(),
    watchInventories: async () => (listener) => inventories.watch(listener),
    listNetworks: async () => [...(await environment.hypervisor.networks())],
    listVms: () => toolstack.listVms(),
    getVm: ({ params }) => toolstack.getVm(params.vm),
    startVm: ({ body }) => toolstack.startVm(body),
    startHaltedVm: ({ params }) => toolstack.startHaltedVm(params.vm),
    shutdownVm: async ({ params }) => {
      await toolstack.shutdownVm(params.vm)
      return {}
    },
    rebootVm: async ({ params, body }) => {
      await toolstack.rebootVm(params.vm, body.how)
      return {}
    },
    pauseVm: ({ params }) => toolstack.pauseVm(params.vm),
    unpauseVm: ({ params }) => toolstack.unpauseVm(params.vm),
    forgetVm: async ({ params }) => {
      await toolstack.forgetVm(params.vm)
      return {}
    },
    destroyVm: async ({ params }) => {
      await toolstack.destroyVm(params.vm)
      return {}
    },
    preflight: ({ params, body }) => toolstack.preflight(params.vm, body),
    migrate: ({ params, body }) => toolstack.migrate(params.vm, body),
    replicate: ({ params, body }) => toolstack.replicate(params.vm, body),
    moveDisk: ({ params, body }) => toolstack.moveDisk(params.vdi, body.sr),
    receiveRequest: ({ params, body }) => toolstack.receiveRequest(params.vm, body),
    send: ({ params, body }) => toolstack.send(params.vm, body),
    getSending: async ({ params }) => sendings.get(params.sending),
    resumeSending: ({ params }) => sendings.resume(params.sending),
    forgetSending: ({ params }) => sendings.forget(params.sending),
    listOperations: () => operations.list(),
    getOperation: ({ params }) => operations.get(params.operation),
    watchOperation: async ({ params }) => {
      await operations.get(params.operation)
      return (listener) => watchLater(operations.watch(params.operation, listener))
    },
    cancelOperation: ({ params }) => operations.cancel(params.operation),
    limitOperation: ({ params, body }) => operations.limit(params.operation, body),
    listReplicas: () => replicas.list(),
    dropReplicas: ({ params }) => replicas.drop(params.replica),
    listReplicaSchedules: () => schedules.list(),
    getReplicaSchedule: ({ params }) => schedules.get(params.vm),
    putReplicaSchedule: ({ params, body }) => schedules.put(params.vm, body),
    removeReplicaSchedule: async ({ params }) => {
      await schedules.remove(params.vm)
      return {}
    },
    replicaDropped: async ({ params, requester: { caller } }) => {
      await replicas.dropped(params.replica, caller?.kind === 'peer' ? caller.name : null)
      return {}
    },
    getClaim: ({ params }) => replicas.claimOf(params.vm),
    listOwnerships: () => ownerships.list(),
    decideOwnership: ({ params, body }) => ownerships.decide(params.vm, body),
  }
}

/** Stops a watch that may not have begun yet. */
function watchLater(started: Promise<() => void>): () => void {
  return () => void started.then((stop) => stop()).catch(() => {})
}

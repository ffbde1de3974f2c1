import { decoded } from '../../src/engine/migration/memory-encoding.ts'
import { describeHost } from '../../src/engine/vms/describe-host.ts'
import type { ToolstackPeer, ToolstackPeers } from '../../src/ports/peers.ts'
import type { Daemon } from './daemon.ts'
import type { Life } from './life.ts'
import { copy, type Network } from './network.ts'
import type { ServingToolstack } from './whole-host.ts'

const timeoutMs = 120_000
const heartbeatTimeoutMs = 5_000

/** Other hosts' xapis as one xapi has them: behind a network. */
export function createToolstackPeers(
  from: { readonly name: string; readonly host: string; readonly life: Life },
  toolstackOf: (host: string) => Daemon<ServingToolstack>,
  network: Network,
): ToolstackPeers {
  return { connect: (url) => createPeer(from, toolstackOf(new URL(url).hostname), network) }
}

function createPeer(
  from: { readonly name: string; readonly host: string; readonly life: Life },
  to: Daemon<ServingToolstack>,
  network: Network,
): ToolstackPeer {
  const ask = <Result>(
    method: string,
    work: (serving: ServingToolstack) => Promise<Result>,
    limitMs = timeoutMs,
  ): Promise<Result> =>
    network
      .call({
        label: `${from.name} > ${to.name} ${method}`,
        ...{ from, to, timeoutMs: limitMs, work },
      })
      .then(copy)

  return {
    host: () => ask('host', ({ environment }) => describeHost(environment)),
    inventory: () => ask('inventory', ({ toolstack }) => toolstack.inventories.own()),
    claim: (vm) => ask('claim', ({ toolstack }) => toolstack.replicas.claimOf(vm)),
    replicaDropped: (id) =>
      ask('replicaDropped', ({ toolstack }) => toolstack.replicas.dropped(id)),
    preflight: (request) =>
      ask('preflight', ({ toolstack }) => toolstack.receivers.preflight(copy(request))),
    receive: (request) =>
      ask('receive', ({ toolstack }) => toolstack.receivers.receive(copy(request))),
    getReceiver: (id, token) =>
      ask('getReceiver', ({ toolstack }) => toolstack.receivers.get(id, token)),
    openMemory: (id, token, encoding = 'plain') =>
      network.call({
        label: `${from.name} > ${to.name} openMemory`,
        ...{ from, to, timeoutMs },
        work: async ({ toolstack }) => {
          const accept = await toolstack.receivers.openMemory(id, token)
          const { here, there } = network.connect(from, to)
          accept(decoded(there, encoding))
          return here
        },
      }),
    heartbeat: (id, token, beat) =>
      ask(
        'heartbeat',
        ({ toolstack }) => toolstack.receivers.heartbeat(id, token, copy(beat)),
        heartbeatTimeoutMs,
      ),
    take: (id, token, request) =>
      ask('take', ({ toolstack }) => toolstack.receivers.take(id, token, copy(request))),
    start: (id, token) => ask('start', ({ toolstack }) => toolstack.receivers.start(id, token)),
    close: (id, token, keep) =>
      ask('close', ({ toolstack }) => toolstack.receivers.close(id, token, keep && copy(keep))),
    diskWrites: (id, token) =>
      ask('diskWrites', ({ toolstack }) => toolstack.receivers.diskWrites(id, token)),
    abort: (id, token, reason) =>
      ask('abort', ({ toolstack }) => toolstack.receivers.abort(id, token, reason)),
  }
}

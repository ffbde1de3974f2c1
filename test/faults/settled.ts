import { isEnded } from '../../src/model/operation.ts'
import type { Playground } from '../playground/playground.ts'
import type { PlaygroundHost } from '../playground/playground-host.ts'
import { type Traces, tracesOf } from '../playground/traces.ts'

/** A host of the playground or of the lab. */
export type FollowedHost = Pick<PlaygroundHost, 'name' | 'toolstack' | 'storage'>

/** How much there is of each kind of thing on a host, whatever it is called. */
export type Shape = Readonly<Record<string, number>>

export interface Shapes {
  readonly withVm: Shape
  readonly withoutVm: Shape
}

export function shapeOf({ images, runtimeFiles, processes }: Traces): Shape {
  const count = (pattern: RegExp) => processes.filter((command) => pattern.test(command)).length
  return {
    images: images.length,
    'runtime files': runtimeFiles.length,
    hypervisors: count(/^\S*qemu-system/),
    'storage processes': count(/^\S*qemu-storage-daemon/),
    processes: processes.length,
  }
}

/** What is still under way on this host, in words; empty when it has settled. @throws while it does not answer */
export async function unsettledOn({ name, toolstack, storage }: FollowedHost): Promise<string[]> {
  const operations = await toolstack.listOperations()
  const receivers = await toolstack.listReceivers()
  const ownerships = await toolstack.listOwnerships()
  const replications = await storage.listReplications()
  const leftovers = await storage.leftovers()
  const open = [
    ...operations.filter((one) => !isEnded(one)).map(({ state }) => `operation ${state}`),
    ...receivers
      .filter(({ state }) => state !== 'closed' && state !== 'aborted')
      .map(({ state }) => `receiver ${state}`),
    ...ownerships.filter(({ settled }) => !settled).map(({ state }) => `ownership ${state}`),
    ...replications.map(({ state }) => `replication ${state}`),
    ...leftovers.filter(({ reason }) => reason === null).map(({ kind }) => `leftover ${kind}`),
  ]
  return open.map((what) => `${name}: ${what}`)
}

/** What is there beyond what a host with the VM, or without it, has. A host whose VM has died keeps its disks. */
export async function leftoversOf(
  playground: Playground,
  shapes: Shapes,
  vmIsAt: PlaygroundHost | null,
): Promise<string[]> {
  const all = await tracesOf(playground)
  return playground.hosts.flatMap((host, index) => {
    const traces = all[index]
    if (!traces) return [`${host.name}: nothing is known of it`]
    const isDisksHome = vmIsAt === null && traces.images.length > 0
    const expected = host === vmIsAt ? shapes.withVm : shapes.withoutVm
    const found = shapeOf(traces)
    return Object.entries(found)
      .filter(([what, count]) => (isDisksHome ? false : count !== expected[what]))
      .map(([what, count]) => `${host.name}: ${count} ${what} in place of ${expected[what]}`)
  })
}

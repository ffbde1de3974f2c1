import type { DroppedReplica, Replica } from '../../model/replica.ts'
import { bytes, duration } from './quantities.ts'
import type { Style } from './style.ts'
import { table } from './table.ts'

export function replicasView(replicas: readonly Replica[], nowMs: number, style: Style): string {
  return table(
    replicas,
    [
      { title: 'VM', cell: ({ vm, vmName }) => vmName ?? vm },
      { title: 'DISK', cell: ({ slot }) => slot },
      { title: 'HERE', cell: ({ here }) => here },
      { title: 'OTHER HOST', cell: ({ other }) => other },
      { title: 'MODE', cell: ({ mode }) => mode },
      { title: 'STATE', cell: ({ state }) => state },
      { title: 'LACKS', align: 'right', cell: (replica) => lackText(replica, nowMs) },
      { title: 'DIFFERS', align: 'right', cell: ({ differingBytes }) => bytes(differingBytes) },
      { title: 'TAKES', align: 'right', cell: ({ allocatedBytes }) => bytes(allocatedBytes) },
      { title: 'KEPT FOR', align: 'right', cell: ({ untilMs }) => leftText(untilMs, nowMs) },
      { title: 'REPLICA', cell: ({ id }) => id },
    ],
    'No replicas.',
    style,
  )
}

export function droppedReplicasView(dropped: readonly DroppedReplica[]): string {
  if (dropped.length === 0) return 'Nothing was kept any more.'
  return dropped
    .map(({ id, other, isToldThere }) =>
      isToldThere
        ? `Replica ${id} has ended, here and at ${other}.`
        : `Replica ${id} has ended here; ${other} does not answer: drop it there too.`,
    )
    .join('\n')
}

/** How old it is: since when it may lack writes. */
function lackText({ lackingSinceMs }: Replica, nowMs: number): string {
  return lackingSinceMs === null
    ? 'nothing'
    : `since ${duration(Math.max(0, nowMs - lackingSinceMs))}`
}

function leftText(untilMs: number | null, nowMs: number): string {
  return untilMs === null ? 'ever' : duration(Math.max(0, untilMs - nowMs))
}

import type { DroppedReplica, Replica } from '../../model/replica.ts'
import type { ReplicaSchedule } from '../../model/replica-schedule.ts'
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

export function schedulesView(
  schedules: readonly ReplicaSchedule[],
  nowMs: number,
  style: Style,
): string {
  return table(
    schedules,
    [
      { title: 'VM', cell: ({ vmName }) => vmName },
      { title: 'REFRESHED AT', cell: ({ destination }) => destination },
      { title: 'EVERY', align: 'right', cell: ({ everyMs }) => duration(everyMs) },
      { title: 'AGE', align: 'right', cell: (schedule) => ageCell(schedule, nowMs) },
      { title: 'NEXT', align: 'right', cell: (schedule) => nextText(schedule, nowMs) },
      {
        title: 'LAST',
        align: 'right',
        cell: ({ last }) => (last ? `${duration(Math.max(0, nowMs - last.endedAtMs))} ago` : '-'),
      },
      {
        title: 'SENT',
        align: 'right',
        cell: ({ last }) => (last ? bytes(last.bytesReplicated) : '-'),
      },
      { title: 'RESULT', cell: resultCell },
    ],
    'No replica is refreshed by itself.',
    style,
  )
}

/** What has been arranged, for whoever has just done so. */
export function scheduleText({
  vmName,
  destination,
  everyMs,
  keepReplica,
  operation,
}: ReplicaSchedule): string {
  const { forMs } = keepReplica
  const kept = forMs === null ? 'until it is dropped' : `for ${duration(forMs)} after each`
  const first = operation === null ? 'It begins as soon as the VM is free. ' : ''
  return (
    `The replica of ${vmName} at ${destination} is refreshed every ${duration(everyMs)} from now on, and kept ${kept}. ${first}` +
    `End it with: crosspool replicate ${vmName} --every never`
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

function ageCell({ succeededAtMs, isOverdue }: ReplicaSchedule, nowMs: number) {
  const text = succeededAtMs === null ? 'none yet' : duration(Math.max(0, nowMs - succeededAtMs))
  return isOverdue ? { text: `${text}, overdue`, style: 'red' as const } : text
}

function nextText({ state, nextAtMs }: ReplicaSchedule, nowMs: number): string {
  if (state === 'refreshing') return 'under way'
  if (state === 'resting') return 'when the VM runs here'
  if (nextAtMs === null) return 'never'
  return nextAtMs > nowMs ? `in ${duration(nextAtMs - nowMs)}` : 'when the VM is free'
}

function resultCell({ last, failures }: ReplicaSchedule) {
  if (!last) return '-'
  if (last.result === 'succeeded') return { text: last.result, style: 'green' as const }
  const times = failures > 1 ? `, ${failures} times` : ''
  const text = `${last.result}${times}: ${last.error?.message ?? ''} [${last.error?.code ?? ''}]`
  return { text, style: last.result === 'failed' ? ('red' as const) : ('yellow' as const) }
}

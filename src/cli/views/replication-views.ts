import type { Replication } from '../../model/replication.ts'
import { bar, bytes, duration, limitText, percent, rate } from './quantities.ts'
import type { Style } from './style.ts'
import { fields, table } from './table.ts'

export function replicationsView(replications: readonly Replication[], style: Style): string {
  return table(
    replications,
    [
      { title: 'REPLICATION', cell: ({ id }) => id },
      { title: 'SIDE', cell: ({ side }) => side },
      { title: 'WITH', cell: ({ provider }) => provider },
      { title: 'STATE', cell: ({ state }) => state },
      {
        title: 'IN SYNC',
        align: 'right',
        cell: (replication) => percent(syncedFraction(replication)),
      },
      { title: 'RATE', align: 'right', cell: ({ bytesPerSecond }) => rate(bytesPerSecond) },
      { title: 'LEFT', align: 'right', cell: ({ outOfSyncBytes }) => bytes(outOfSyncBytes) },
      { title: 'VDI', cell: ({ vdi }) => vdi },
    ],
    'No replications.',
    style,
  )
}

export function replicationView(replication: Replication, style: Style): string {
  const { reason, etaMs } = replication
  return fields(
    [
      ['replication', style('bold', replication.id)],
      ['vdi', replication.vdi],
      ['side', replication.side],
      ['with', replication.provider],
      ['encrypted', replication.encrypted ? 'yes' : style('yellow', 'no')],
      ['state', reason === null ? replication.state : `${replication.state}: ${reason}`],
      ['size', bytes(replication.sizeBytes)],
      ['out of sync', bytes(replication.outOfSyncBytes)],
      ['sent', bytes(replication.sentBytes)],
      ['rate', rate(replication.bytesPerSecond)],
      ['limit', limitText(replication.bytesPerSecondMax)],
      ['done in', etaMs === null ? '-' : duration(etaMs)],
    ],
    style,
  )
}

/** One line, for a live view and for a log. */
export function replicationLine(replication: Replication, style: Style): string {
  const { state, reason, bytesPerSecond, outOfSyncBytes, etaMs } = replication
  const fraction = syncedFraction(replication)
  const parts = [
    style('bold', state),
    `${style('cyan', bar(fraction, 20))} ${percent(fraction)}`,
    `${bytes(outOfSyncBytes)} left`,
    ...(bytesPerSecond > 0 ? [rate(bytesPerSecond)] : []),
    ...(etaMs === null || state !== 'syncing' ? [] : [`done in ${duration(etaMs)}`]),
    ...(reason === null ? [] : [style('yellow', reason)]),
  ]
  return parts.join('  ')
}

function syncedFraction({ sizeBytes, outOfSyncBytes }: Replication): number {
  return 1 - outOfSyncBytes / sizeBytes
}

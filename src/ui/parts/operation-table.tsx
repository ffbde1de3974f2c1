import { duration, percent } from '../../lib/quantities.ts'
import { migrationDetailsOf } from '../../model/migration.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import { type Located, placeName, subjectOf } from '../views/landscape.ts'
import { fromTo } from '../views/migration.ts'
import { linkToOperation } from '../views/place.ts'
import { dateTime } from '../views/times.ts'
import { operationTones } from '../views/tones.ts'
import { Badge } from './badge.tsx'
import { DataTable } from './data-table.tsx'
import { Meter } from './meter.tsx'
import { useStore } from './use-store.ts'

interface OperationTableProps {
  readonly caption: string
  readonly operations: readonly Located<Operation>[]
}

export function OperationTable({ caption, operations }: OperationTableProps) {
  const now = useStore().nowMs.value
  return (
    <DataTable
      caption={caption}
      rows={operations}
      keyOf={({ it }) => it.id}
      empty="Nothing yet. Open a VM and migrate it."
      columns={[
        {
          title: 'Operation',
          cell: ({ it }) => (
            <a href={linkToOperation(it.id)}>
              {it.kind} {subjectOf(it)}
            </a>
          ),
        },
        { title: 'Way', cell: ({ at, it }) => wayOf(it) ?? placeName(at) },
        {
          title: 'State',
          cell: ({ it }) => <Badge tone={operationTones[it.state]} text={it.state} />,
        },
        { title: 'Progress', isMinor: true, cell: ({ it }) => progressOf(it) },
        {
          title: 'Blackout',
          isNumber: true,
          isMinor: true,
          cell: ({ it }) => {
            const pausedMs = migrationDetailsOf(it)?.figures.pausedMs ?? null
            return pausedMs === null ? '–' : duration(pausedMs)
          },
        },
        {
          title: 'Took',
          isNumber: true,
          isMinor: true,
          cell: ({ it }) => duration(Math.max(0, (it.endedAtMs ?? now) - it.startedAtMs)),
        },
        {
          title: 'Began',
          isNumber: true,
          isMinor: true,
          cell: ({ it }) => dateTime(it.startedAtMs),
        },
      ]}
    />
  )
}

function wayOf(operation: Operation): string | null {
  const details = migrationDetailsOf(operation)
  if (details === null) return null
  const { from, to } = fromTo(details)
  return `${from} → ${to}`
}

function progressOf(operation: Operation) {
  if (isEnded(operation)) return operation.error?.code ?? ''
  return (
    <>
      <Meter fraction={operation.progress} label="progress" /> {percent(operation.progress)}
    </>
  )
}

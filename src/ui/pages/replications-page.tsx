import { bytes, duration, percent, rate } from '../../lib/quantities.ts'
import { Badge } from '../parts/badge.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Meter } from '../parts/meter.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { useStore } from '../parts/use-store.ts'
import { keptText } from '../views/kept.ts'
import { allOf, placeName } from '../views/landscape.ts'
import { replicationTones } from '../views/tones.ts'

export function ReplicationsPage() {
  const { inventories, nowMs } = useStore()
  return (
    <>
      <PageTitle title="Replications" />
      <DataTable
        caption="Replications of all hosts"
        rows={allOf(inventories.value ?? [], 'replications')}
        keyOf={({ at, it }) => `${at.url} ${it.id}`}
        empty="Nothing is mirrored now. Mirrors are made for a migration and taken out after it, unless they are kept as replicas."
        columns={[
          {
            title: 'Disk',
            cell: ({ at, it }) =>
              at.inventory?.vdis.find(({ id }) => id === it.vdi)?.name ?? it.vdi,
          },
          { title: 'Host', cell: ({ at }) => placeName(at) },
          { title: 'Side', cell: ({ it }) => it.side },
          {
            title: 'State',
            cell: ({ it }) => (
              <>
                <Badge tone={replicationTones[it.state]} text={it.state} />
                {it.reason !== null && <div class="problem small">{it.reason}</div>}
              </>
            ),
          },
          {
            title: 'In sync',
            isMinor: true,
            cell: ({ it }) => {
              const fraction = 1 - it.outOfSyncBytes / it.sizeBytes
              return (
                <>
                  <Meter fraction={fraction} label="in sync" /> {percent(fraction)}
                </>
              )
            },
          },
          { title: 'Out of sync', isNumber: true, cell: ({ it }) => bytes(it.outOfSyncBytes) },
          { title: 'Rate', isNumber: true, cell: ({ it }) => rate(it.bytesPerSecond) },
          {
            title: 'Left',
            isNumber: true,
            isMinor: true,
            cell: ({ it }) => (it.etaMs === null ? '–' : duration(it.etaMs)),
          },
          { title: 'Kept', isMinor: true, cell: ({ it }) => keptText(it.kept, nowMs.value) },
          { title: 'By', isMinor: true, cell: ({ it }) => it.provider },
        ]}
      />
    </>
  )
}

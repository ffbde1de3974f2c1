import { bytes } from '../../lib/quantities.ts'
import { Badge } from '../parts/badge.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Meter } from '../parts/meter.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { useStore } from '../parts/use-store.ts'
import { namedOf, placeName, srName } from '../views/landscape.ts'

export function StoragePage() {
  const inventories = useStore().inventories.value ?? []
  return (
    <>
      <PageTitle title="Storage" />
      <section aria-labelledby="srs">
        <h2 id="srs">SRs</h2>
        <DataTable
          caption="SRs of all hosts"
          rows={namedOf(inventories, 'srs')}
          keyOf={({ at, it }) => `${at.url} ${it.id}`}
          empty="No SRs. Make one known with crosspool srs create."
          columns={[
            { title: 'SR', cell: ({ it }) => it.name },
            { title: 'Host', cell: ({ at }) => placeName(at) },
            { title: 'Type', cell: ({ it }) => it.type },
            { title: 'Shared', isMinor: true, cell: ({ it }) => (it.shared ? 'yes' : 'no') },
            {
              title: 'Used',
              isMinor: true,
              cell: ({ it }) => (
                <Meter
                  fraction={1 - it.freeBytes / Math.max(1, it.sizeBytes)}
                  label={`used of ${it.name}`}
                  tone="quiet"
                />
              ),
            },
            { title: 'Free', isNumber: true, cell: ({ it }) => bytes(it.freeBytes) },
            { title: 'Size', isNumber: true, cell: ({ it }) => bytes(it.sizeBytes) },
          ]}
        />
      </section>
      <section aria-labelledby="vdis">
        <h2 id="vdis">VDIs</h2>
        <DataTable
          caption="VDIs of all hosts"
          rows={namedOf(inventories, 'vdis')}
          keyOf={({ at, it }) => `${at.url} ${it.id}`}
          empty="No VDIs."
          columns={[
            { title: 'VDI', cell: ({ it }) => it.name },
            { title: 'SR', cell: ({ at, it }) => `${at.name}: ${srName(at, it.sr)}` },
            {
              title: 'State',
              cell: ({ it }) => (
                <Badge tone={it.state === 'detached' ? 'quiet' : 'good'} text={it.state} />
              ),
            },
            { title: 'Format', isMinor: true, cell: ({ it }) => it.format },
            {
              title: 'Taken',
              isNumber: true,
              isMinor: true,
              cell: ({ it }) => bytes(it.allocatedBytes),
            },
            { title: 'Size', isNumber: true, cell: ({ it }) => bytes(it.sizeBytes) },
            {
              title: 'Made by',
              isMinor: true,
              cell: ({ it }) => (it.managed ? 'Crosspool' : 'you'),
            },
          ]}
        />
      </section>
    </>
  )
}

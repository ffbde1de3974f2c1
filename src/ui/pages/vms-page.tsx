import { bytes } from '../../lib/quantities.ts'
import type { Vm } from '../../model/vm.ts'
import { Badge } from '../parts/badge.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { useStore } from '../parts/use-store.ts'
import { allOf, type Located, placeName } from '../views/landscape.ts'
import { linkToOperation, linkToVm } from '../views/place.ts'
import { vmTones } from '../views/tones.ts'

export function VmsPage() {
  const vms = allOf(useStore().inventories.value ?? [], 'vms')
  const byName = [...vms].sort((a, b) => a.it.name.localeCompare(b.it.name))
  return (
    <>
      <PageTitle title="VMs" />
      <DataTable<Located<Vm>>
        caption="VMs of all hosts"
        rows={byName}
        keyOf={({ at, it }) => `${at.url} ${it.id}`}
        empty="No VMs. Start one with crosspool vms start."
        columns={[
          { title: 'VM', cell: ({ it }) => <a href={linkToVm(it.id)}>{it.name}</a> },
          { title: 'State', cell: ({ it }) => <Badge tone={vmTones[it.state]} text={it.state} /> },
          { title: 'Host', cell: ({ at }) => placeName(at) },
          { title: 'vCPUs', isNumber: true, isMinor: true, cell: ({ it }) => it.vcpus },
          { title: 'Memory', isNumber: true, cell: ({ it }) => bytes(it.memoryBytes) },
          { title: 'Disks', isNumber: true, isMinor: true, cell: ({ it }) => it.disks.length },
          {
            title: 'Under way',
            cell: ({ it }) =>
              it.operation === null ? '' : <a href={linkToOperation(it.operation)}>operation</a>,
          },
        ]}
      />
    </>
  )
}

import { OperationTable } from '../parts/operation-table.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { useStore } from '../parts/use-store.ts'
import { allOf } from '../views/landscape.ts'

export function OperationsPage() {
  const all = allOf(useStore().inventories.value ?? [], 'operations')
  const newestFirst = [...all].sort((a, b) => b.it.startedAtMs - a.it.startedAtMs)
  return (
    <>
      <PageTitle title="Operations" />
      <OperationTable caption="All operations" operations={newestFirst} />
      <p class="quiet small">
        What runs, and the newest that have ended of each host. Older ones keep their links.
      </p>
    </>
  )
}

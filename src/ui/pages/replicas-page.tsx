import { PageTitle } from '../parts/page-title.tsx'
import { ReplicaTable } from '../parts/replica-table.tsx'
import { useStore } from '../parts/use-store.ts'
import { replicasOf } from '../views/replicas.ts'

export function ReplicasPage() {
  const { inventories, nowMs } = useStore()
  return (
    <>
      <PageTitle title="Replicas" />
      <ReplicaTable
        caption="Kept replicas of all hosts"
        replicas={replicasOf(inventories.value ?? [], nowMs.value)}
      />
      <p class="quiet small">
        Copies of disks that are kept at another host, so that a migration there sends only what
        differs. Each host drops those that it has a part in; the other one is told.
      </p>
    </>
  )
}

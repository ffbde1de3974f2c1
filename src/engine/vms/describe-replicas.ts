import type { Inventory } from '../../model/inventory.ts'
import type { Replica } from '../../model/replica.ts'
import type { Vm } from '../../model/vm.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import { listReplicaRecords } from '../migration/replica-records.ts'

interface Seen extends Pick<Inventory, 'replications' | 'vdis'> {
  readonly vms: readonly Pick<Vm, 'id' | 'name'>[]
}

/** Those of the replications that are kept, with the names that only this host's records may know. */
export async function describeReplicas(
  store: RecordStore,
  { replications, vdis, vms }: Seen,
): Promise<Replica[]> {
  if (replications.every(({ kept }) => !kept)) return []
  const records = await listReplicaRecords(store)
  const names = [...vms, ...records.map(({ vm, name }) => ({ id: vm, name }))]
  return replications.flatMap(({ kept, id, vdi, side, outOfSyncBytes, ...seen }) => {
    if (!kept) return []
    const { state, reason, sizeBytes } = seen
    const found = vdis.find((one) => one.id === vdi)
    const vmName = names.find((one) => one.id === kept.vm)?.name ?? null
    return {
      ...{ ...kept, id, vmName, vdi, state, reason, sizeBytes, differingBytes: outOfSyncBytes },
      here: side === 'source' ? ('disk' as const) : ('replica' as const),
      sr: found?.sr ?? null,
      allocatedBytes: found?.allocatedBytes ?? 0,
    }
  })
}

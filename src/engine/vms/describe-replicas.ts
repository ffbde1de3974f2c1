import type { Inventory } from '../../model/inventory.ts'
import type { Replica } from '../../model/replica.ts'
import type { Vm } from '../../model/vm.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { listReplicaRecords } from '../migration/replica-records.ts'
import { ScheduleBook } from './schedule-book.ts'
import { statusOf } from './schedule-records.ts'

interface Seen extends Pick<Inventory, 'replications' | 'vdis'> {
  readonly vms: readonly Pick<Vm, 'id' | 'name'>[]
}

/** Those of the replications that are kept, with what only this host's records know: names, and schedules. */
export async function describeReplicas(
  { clock, store }: Pick<ToolstackEnvironment, 'clock' | 'store'>,
  { replications, vdis, vms }: Seen,
): Promise<Replica[]> {
  if (replications.every(({ kept }) => !kept)) return []
  const [records, schedules] = await Promise.all([
    listReplicaRecords(store),
    new ScheduleBook(store).list(),
  ])
  const names = [...vms, ...records.map(({ vm, name }) => ({ id: vm, name }))]
  return replications.flatMap(({ kept, id, vdi, side, outOfSyncBytes, ...seen }) => {
    if (!kept) return []
    const { state, reason, sizeBytes } = seen
    const found = vdis.find((one) => one.id === vdi)
    const vmName = names.find((one) => one.id === kept.vm)?.name ?? null
    const schedule = schedules.find(
      ({ vm, wish }) => side === 'source' && vm === kept.vm && wish.destination === kept.other,
    )
    return {
      refresh: schedule ? statusOf(schedule, clock.now()) : null,
      ...{ ...kept, id, vmName, vdi, state, reason, sizeBytes, differingBytes: outOfSyncBytes },
      here: side === 'source' ? ('disk' as const) : ('replica' as const),
      sr: found?.sr ?? null,
      allocatedBytes: found?.allocatedBytes ?? 0,
    }
  })
}

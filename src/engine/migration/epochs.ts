import { CrosspoolError } from '../../model/errors.ts'
import type { Json, RecordStore } from '../../ports/record-store.ts'

/**
 * The ownership record of a VM on this host: how often it has been handed over, and what this host
 * knows of the last time. Written durably before the act that it allows.
 *
 * - `owned`: runs here or may be started here
 * - `released`: handed over; may not run here unless the destination has refused
 * - `refused`: was offered to this host, which has refused for good
 */
export type Ownership = {
  readonly epoch: number
  readonly state: 'owned' | 'released' | 'refused'
  readonly operation: string
}

const key = (vm: string) => `ownership/${vm}`

/** A VM that was never migrated has epoch 0 and is owned by whoever runs it. */
export async function readOwnership(store: RecordStore, vm: string): Promise<Ownership> {
  const record = await store.get<Ownership>(key(vm))
  return record?.value ?? { epoch: 0, state: 'owned', operation: '' }
}

/** By VM; without those that were never handed over. */
export async function listOwnerships(store: RecordStore): Promise<ReadonlyMap<string, Ownership>> {
  const records = await store.list<Ownership>(key(''))
  return new Map(records.map((record) => [record.key.slice(key('').length), record.value]))
}

/**
 * An administrator has claimed the VM for this host since: the other side's word is not waited for.
 * @throws HANDOVER_REFUSED
 */
export async function refuseIfClaimed(
  store: RecordStore,
  vm: string,
  epoch: number,
): Promise<void> {
  const known = await readOwnership(store, vm)
  if (known.epoch <= epoch) return
  const reason = 'an administrator has claimed the VM for this host'
  throw new CrosspoolError('HANDOVER_REFUSED', { reason })
}

/**
 * Epochs only grow; the same one may only be settled by the operation that opened it. `together`:
 * what becomes durable in the same transaction. @throws STALE_EPOCH
 */
export async function writeOwnership(
  store: RecordStore,
  vm: string,
  next: Ownership,
  together: readonly { readonly key: string; readonly value: Json }[] = [],
): Promise<void> {
  for (;;) {
    const record = await store.get<Ownership>(key(vm))
    const known = record?.value
    const isStale =
      known &&
      (next.epoch < known.epoch ||
        (next.epoch === known.epoch && next.operation !== known.operation))
    if (isStale)
      throw new CrosspoolError('STALE_EPOCH', { epoch: next.epoch, vm, known: known.epoch })
    const conditions = [{ key: key(vm), revision: record?.revision ?? null }]
    if (await store.transact({ conditions, puts: [{ key: key(vm), value: next }, ...together] }))
      return
  }
}

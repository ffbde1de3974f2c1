import type { VmDefinition } from '../../model/vm.ts'
import type { Json, RecordStore } from '../../ports/record-store.ts'

/**
 * What this host must remember of a VM of which there are replicas: that it keeps them, with what the VM
 * can be started from, or that another host does, which may have been given the VM since.
 */
export interface ReplicaRecord {
  readonly vm: string
  readonly name: string
  readonly here: 'disk' | 'replica'
  /** POOL/HOST. */
  readonly other: string
  /** At which the VM belongs to the host that has its disks. */
  readonly epoch: number
  /** With the VDIs of this host. Null: it was not started by Crosspool. */
  readonly definition: VmDefinition | null
}

const prefix = 'replica/'

export function replicaPut(record: ReplicaRecord) {
  return { key: prefix + record.vm, value: record as unknown as Json }
}

export function replicaKey(vm: string): string {
  return prefix + vm
}

export async function readReplica(store: RecordStore, vm: string): Promise<ReplicaRecord | null> {
  const record = await store.get<Json>(prefix + vm)
  return record === null ? null : (record.value as unknown as ReplicaRecord)
}

export async function listReplicaRecords(store: RecordStore): Promise<ReplicaRecord[]> {
  return (await store.list<Json>(prefix)).map(({ value }) => value as unknown as ReplicaRecord)
}

export async function saveReplica(store: RecordStore, record: ReplicaRecord): Promise<void> {
  await store.transact({ puts: [replicaPut(record)] })
}

export async function removeReplica(store: RecordStore, vm: string): Promise<void> {
  await store.transact({ deletes: [prefix + vm] })
}

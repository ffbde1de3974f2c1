import type { ReplicaTerms } from '../../model/replica.ts'
import type { VmDefinition } from '../../model/vm.ts'
import type { Json, RecordStore } from '../../ports/record-store.ts'
import { type ReceiverRecord, receiverPut } from './receiver-record.ts'
import { removeReplica, saveReplica } from './replica-records.ts'

/** A VM that can be started from what is known here, also when it does not run. It goes when the VM is handed over. */
export interface VmRecord {
  readonly definition: VmDefinition
  /** It was started, and its disks have not been put away since. */
  readonly isActive: boolean
}

const prefix = 'vm/'

export async function listVmRecords(store: RecordStore): Promise<VmRecord[]> {
  return (await store.list<Json>(prefix)).map(({ value }) => value as unknown as VmRecord)
}

export async function readVmRecord(store: RecordStore, vm: string): Promise<VmRecord | null> {
  const record = await store.get<Json>(prefix + vm)
  return record === null ? null : (record.value as unknown as VmRecord)
}

export async function saveVmRecord(store: RecordStore, record: VmRecord): Promise<void> {
  await store.transact({ puts: [vmRecordPut(record)] })
}

export async function removeVmRecord(store: RecordStore, vm: string): Promise<void> {
  await store.transact({ deletes: [prefix + vm] })
}

function vmRecordPut(record: VmRecord) {
  return { key: prefix + record.definition.id, value: record as unknown as Json }
}

/** The VM runs here: from now on it is one of this host's, and can be started here again. */
export async function saveArrived(
  store: RecordStore,
  record: ReceiverRecord,
): Promise<ReceiverRecord> {
  const running: ReceiverRecord = { ...record, state: 'running' }
  await store.transact({ puts: [receiverPut(running), ...arrivedVmPuts(record)] })
  return running
}

/** Before a mirror becomes a replica: where the VM is, that another host may be given it; there, what it is started from. */
export async function noteReplica(
  store: RecordStore,
  record: ReceiverRecord,
  keep: ReplicaTerms | null,
  side: 'source' | 'target',
): Promise<void> {
  const { vm, source, epoch } = record.request
  const common = { vm: vm.id, name: vm.name, other: `${source.pool}/${source.host}`, epoch }
  const definition = definitionHere(record)
  if (keep && side === 'target')
    await saveReplica(store, { ...common, here: 'replica', definition })
  else if (keep?.mode === 'every-write')
    await saveReplica(store, { ...common, here: 'disk', definition: null })
  else await removeReplica(store, vm.id)
}

function arrivedVmPuts(record: ReceiverRecord) {
  const here = definitionHere(record)
  return here === null ? [] : [vmRecordPut({ definition: here, isActive: true })]
}

function definitionHere({ request, disks }: ReceiverRecord): VmDefinition | null {
  const { definition } = request
  if (definition === undefined) return null
  const vdiHere = (vdi: string) => {
    const offered = request.disks.find((disk) => disk.vdi === vdi)
    return disks.find(({ slot }) => slot === offered?.slot)?.vdi ?? vdi
  }
  const networkHere = ({ mac, network }: VmDefinition['interfaces'][number]) =>
    request.interfaces.find((planned) => planned.mac.toLowerCase() === mac)?.network ?? network
  return {
    ...definition,
    disks: definition.disks.map((disk) => ({ ...disk, vdi: vdiHere(disk.vdi) })),
    interfaces: definition.interfaces.map((nic) => ({ ...nic, network: networkHere(nic) })),
  }
}

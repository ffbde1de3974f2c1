import type { KeptReplica } from '../../model/replication.ts'
import type { VolumeFormat } from '../../model/vdi.ts'
import type { MirrorHello } from '../../ports/datapath.ts'
import type { Json, RecordStore } from '../../ports/record-store.ts'

/**
 * What the storage manager must not forget. A record is written before the act that it stands for
 * and removed after it: it claims at least all that is there, so nothing is left behind unseen.
 */
export type SrRecord = {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly configuration: { readonly [key: string]: Json }
}

export type VdiRecord = {
  readonly id: string
  readonly sr: string
  readonly name: string
  readonly sizeBytes: number
  readonly allocatedBytes: number
  /** As it lies in the SR. */
  readonly format: VolumeFormat
  readonly managed: boolean
  readonly state: 'detached' | 'attached' | 'activated' | 'adopted'
  /** Null in state `attached`, `activated` or `adopted`: the act was begun, perhaps not finished. */
  readonly device: string | null
  readonly volumePath: string | null
  /** Of what is found at `volumePath`. */
  readonly volumeFormat: VolumeFormat
  /** See AttachedVolume; records of older versions lack it. */
  readonly discardsReadAsZeroes?: boolean
  /** The device of the administrator's that was adopted. */
  readonly adopted: string | null
  readonly replication: string | null
  /** It is the replica of a disk that is elsewhere: nobody may use it until it is mirrored to again. Older records lack it. */
  readonly isReplica?: boolean
  /** The SR of a second volume of this id, which is not the disk, or is it no more. */
  readonly relocation: { readonly sr: string } | null
  readonly unfinished: 'creating' | 'destroying' | null
}

/**
 * - `offered`: the URI has been given away and not been used
 * - `preparing`: the source is on its way to the target; after a crash it is taken back
 * - `accepting`: the URI has been used; after a crash nobody knows whether the source has the answer
 * - `running`: the kernel keeps the mirror, with or without this daemon
 * - `keeping`: is becoming a replica, or the disk of one; goes on after a crash
 * - `kept`: one of its disks is a replica of the other, as `kept` says
 * - `stopping`: is being taken out; goes on after a crash
 * - `failed`: cannot go on, and waits to be stopped
 */
export type ReplicationRecord = {
  readonly id: string
  readonly vdi: string
  readonly side: 'source' | 'target'
  /** The side that it was at first, where that is not `side`: see Mirror. */
  readonly end?: 'source' | 'target'
  readonly provider: string
  readonly sizeBytes: number
  readonly secret: string
  readonly volumePath: string
  readonly volumeFormat: VolumeFormat
  readonly discardsReadAsZeroes?: boolean
  readonly adopted: string | null
  /** Target: fingerprint of the only storage manager that may answer the URI; null: whoever has it. */
  readonly source: string | null
  /** Target: what the source said when it joined; with it the target can be brought up again. */
  readonly hello: MirrorHello | null
  /** Target: the handover may come at any moment. From then on a reboot ends it. */
  readonly isArmed: boolean
  /** Null: as fast as goes. Records of older versions lack it. */
  readonly bytesPerSecondMax?: number | null
  readonly phase:
    | 'offered'
    | 'preparing'
    | 'accepting'
    | 'running'
    | 'keeping'
    | 'kept'
    | 'stopping'
    | 'failed'
  /** Of a replica, also while it is begun again. Records of older versions lack it. */
  readonly kept?: KeptReplica | null
  /** While stopping: what is left beneath the VM's device. */
  readonly keep: 'volume' | 'nothing' | null
  readonly reason: string | null
}

export interface Records<Value extends { readonly id: string } & Json> {
  get(id: string): Promise<Value | null>
  list(): Promise<readonly Value[]>
  put(value: Value): Promise<void>
  remove(id: string): Promise<void>
  key(id: string): string
}

/** All records of one kind. This daemon is the only one that writes them. */
export function createRecords<Value extends { readonly id: string } & Json>(
  store: RecordStore,
  kind: string,
): Records<Value> {
  const key = (id: string) => `${kind}/${id}`
  return {
    key,
    get: async (id) => (await store.get<Value>(key(id)))?.value ?? null,
    list: async () => (await store.list<Value>(`${kind}/`)).map(({ value }) => value),
    put: async (value) => void (await store.transact({ puts: [{ key: key(value.id), value }] })),
    remove: async (id) => void (await store.transact({ deletes: [key(id)] })),
  }
}

import type { Clock, Random } from '../../ports/clock.ts'
import type { Datapath } from '../../ports/datapath.ts'
import type { Log } from '../../ports/log.ts'
import type { StoragePeers } from '../../ports/peers.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import type { VolumeStoreFactory } from '../../ports/volume-store.ts'

/** All that the storage manager works with; nothing else reaches the outside. */
export interface StorageEnvironment {
  readonly host: string
  /** Where the storage managers of other hosts reach this one. */
  readonly url: string
  /** Of its key; a replication URI names it. */
  readonly fingerprint: string
  readonly apiVersion: string
  /** Changes when the host is started anew, and with it everything that the kernel holds. */
  readonly bootId: string
  readonly store: RecordStore
  /** Volume drivers by the type of SR that they make. */
  readonly volumeStores: Readonly<Record<string, VolumeStoreFactory>>
  readonly datapath: Datapath
  readonly peers: StoragePeers
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** A path without symbolic links; the same path where there is nothing. */
  resolvePath(path: string): Promise<string>
}

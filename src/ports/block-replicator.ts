/**
 * Mirrors one block device to one other host at block level and synchronously (DRBD).
 * Every method may be repeated; a resource that is not there is brought to the asked state or, for
 * `down`, left alone. Nothing here may touch a resource that `define` did not make.
 */
export interface BlockReplicator {
  readonly capabilities: BlockReplicatorCapabilities
  /** Reserves a minor and a port, which are kept until `down`. @throws NO_FREE_MINOR, NO_FREE_PORT */
  reserve(name: string): Promise<BlockEndpoint>
  /** Bytes that the metadata device must have for a disk of this size. */
  metadataBytes(sizeBytes: number): number
  /** Bytes that the device given to `define` must have for a disk of this size; what is beyond the disk may read as zeroes. */
  deviceBytes(sizeBytes: number): number
  /**
   * Writes the readable resource file, makes metadata and attaches the disk, Secondary and not yet connected.
   * What the metadata device remembers is taken up. One that is there stays as it is, but parts from its
   * peer when addresses or secret are other ones.
   */
  define(resource: BlockResource): Promise<void>
  /**
   * Connects to the peer and stays at it until `disconnect`. The source must be Primary before. Only what
   * differs is sent, unless the peer's metadata is new. Two that are not of one history do not meet.
   */
  connect(name: string): Promise<void>
  /**
   * From now on what is written here is remembered, and not sent. A Secondary that parts from its Primary knows that it
   * is outdated, and cannot be promoted.
   */
  disconnect(name: string): Promise<void>
  /** Copying to this side takes no more than this from now on; null: as fast as goes. */
  limit(name: string, bytesPerSecondMax: number | null): Promise<void>
  /** `firstTime`: this side's data is the truth, although the disk has never been in sync. @throws HANDOVER_REFUSED when the peer is Primary or this disk is not up to date */
  promote(name: string, options?: { readonly firstTime?: boolean }): Promise<void>
  /** Afterwards `state` shows all that happened before it. @throws BUSY while the device is open */
  demote(name: string): Promise<void>
  /** Ends it and removes everything that `reserve` and `define` made. @throws BUSY while the device is open */
  down(name: string): Promise<void>
  /**
   * Primary, in sync: reads the whole of both disks and compares them while they are in use; every write goes
   * on to both sides. What differs is marked, and made the same when the two meet anew. One that is under way
   * already is waited for. @throws REPLICATION_LOST when the two part meanwhile
   */
  verify(name: string, signal: AbortSignal): Promise<BlockVerification>
  /** Where the device is found once defined, e.g. /dev/drbd1000. */
  devicePath(name: string): Promise<string>
  /** The latest state, without asking the kernel. Null: not there. */
  state(name: string): BlockReplicationState | null
  /** Calls `listener` at once with the present state, then at every change. Answers how to stop. */
  watch(name: string, listener: (state: BlockReplicationState | null) => void): () => void
  /** Names of all that `reserve` or `define` made and `down` has not removed. */
  list(): Promise<readonly string[]>
}

export interface BlockReplicatorCapabilities {
  /** Scheme of its replication URIs. */
  readonly scheme: string
  /** Version of the kernel's part, e.g. 8.4.11. */
  readonly version: string
}

export interface BlockVerification {
  /** By which digest blocks are compared. */
  readonly algorithm: string
  readonly differentBytes: number
}

export interface BlockEndpoint {
  readonly address: string
  readonly port: number
}

export interface BlockResource {
  readonly name: string
  readonly sizeBytes: number
  readonly device: string
  readonly metadataDevice: string
  /** Whole blocks of the device that are discarded are known to read as zeroes afterwards. */
  readonly discardsReadAsZeroes: boolean
  readonly secret: string
  readonly local: BlockEndpoint
  readonly peer: BlockEndpoint
}

export interface BlockReplicationState {
  readonly role: 'Primary' | 'Secondary' | 'Unknown'
  readonly peerRole: 'Primary' | 'Secondary' | 'Unknown'
  /** DRBD's names: Diskless, Inconsistent, Outdated, UpToDate, ... */
  readonly disk: string
  readonly peerDisk: string
  /** StandAlone, Connecting, Connected, ... */
  readonly connection: string
  /** Established, SyncSource, SyncTarget, PausedSyncS, ... or Off. */
  readonly replication: string
  readonly outOfSyncBytes: number
  readonly sentBytes: number
  readonly receivedBytes: number
}

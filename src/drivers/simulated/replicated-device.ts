import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { BlockReplicationState, BlockResource } from '../../ports/block-replicator.ts'
import { countOpen, inputOutputError, type SimulatedDevice } from './blocks.ts'

/** What a replicated disk's metadata remembers, also over a restart of the host. */
export interface ReplicationMetadata {
  isUpToDate: boolean
  /** False until the first sync has ended or the disk has been declared to be the truth. */
  hasHistory: boolean
  /** It knows that the peer's data is newer. */
  isOutdated: boolean
  /** What it shares with all that were ever copied from or to it; null as long as it has no history. */
  lineage: object | null
  /** Sectors that differ from the peer's. */
  readonly outOfSync: Set<number>
}

export function newMetadata(): ReplicationMetadata {
  const unknown = { isUpToDate: false, hasHistory: false, isOutdated: false, lineage: null }
  return { ...unknown, outOfSync: new Set() }
}

interface Connection {
  readonly peer: ReplicatedDevice
  sync: 'source' | 'target' | null
}

/** As DRBD does it with protocol C: a write is acknowledged when it is on both sides. */
export class ReplicatedDevice implements SimulatedDevice {
  openCount = 0
  role: 'Primary' | 'Secondary' = 'Secondary'
  /** True from `connect` until `disconnect`, or until the two sides find that they have parted. */
  wantsPeer = false
  connection: Connection | null = null
  /** Nothing takes time here, so that it is only kept. */
  bytesPerSecondMax: number | null = null
  resource: BlockResource
  readonly metadata: ReplicationMetadata
  readonly #backing: SimulatedDevice
  readonly #closeBacking: () => void
  readonly #changed: () => void
  readonly #lock = createKeyedLock()
  #sentBytes = 0
  #receivedBytes = 0

  constructor(
    resource: BlockResource,
    backing: SimulatedDevice,
    metadata: ReplicationMetadata,
    changed: () => void,
  ) {
    this.resource = resource
    this.metadata = metadata
    this.#backing = backing
    this.#closeBacking = backing.open()
    this.#changed = changed
  }

  get sizeBytes(): number {
    return this.#backing.sizeBytes
  }

  open(): () => void {
    if (this.role !== 'Primary') throw new Error('Read-only file system: the device is Secondary')
    return countOpen(this)
  }

  async read(sector: number): Promise<string> {
    this.#assertPrimary()
    return this.#backing.read(sector)
  }

  async write(sector: number, content: string): Promise<void> {
    this.#assertPrimary()
    // The copying of a sector and a write to it must not overtake each other.
    await this.#lock.run([String(sector)], async () => {
      const { connection } = this
      await Promise.all([
        this.#backing.write(sector, content),
        connection?.peer.receive(sector, content),
      ])
      if (connection === null || connection !== this.connection) this.metadata.outOfSync.add(sector)
      else this.#sentBytes += 512
    })
  }

  /** A barrier goes to the peer too, which flushes everything that it has. */
  async flush(): Promise<void> {
    await Promise.all([this.barrier(), this.connection?.peer.barrier()])
  }

  async barrier(): Promise<void> {
    await this.#backing.flush()
  }

  async receive(sector: number, content: string): Promise<void> {
    await this.#backing.write(sector, content)
    this.#receivedBytes += 512
  }

  /** Copies what differs to the peer, for as long as this connection lasts. */
  async sync(connection: Connection): Promise<void> {
    for (const sector of this.metadata.outOfSync) {
      await this.#lock.run([String(sector)], async () => {
        const content = await this.#backing.read(sector)
        if (this.connection !== connection) return
        await connection.peer.receive(sector, content)
        if (this.connection !== connection) return
        this.metadata.outOfSync.delete(sector)
        this.#sentBytes += 512
      })
      if (this.connection !== connection) return
      this.changed()
    }
  }

  /** Marks what differs on the two disks, whoever has made it so, and answers how much. */
  async verify(): Promise<number> {
    const { connection } = this
    if (connection === null || connection.sync !== null) throw lost(this.resource.name)
    for (let sector = 0; sector * 512 < this.sizeBytes; sector += 1)
      await this.#lock.run([String(sector)], async () => {
        const [own, other] = [this.#backing, connection.peer.#backing]
        if ((await own.read(sector)) !== (await other.read(sector)))
          this.metadata.outOfSync.add(sector)
      })
    if (this.connection !== connection) throw lost(this.resource.name)
    this.changed()
    return this.metadata.outOfSync.size * 512
  }

  /** @throws HANDOVER_REFUSED */
  promote(firstTime: boolean): void {
    if (this.connection?.peer.role === 'Primary')
      throw refused('Multiple primaries not allowed by config')
    const { metadata } = this
    if (!metadata.isUpToDate || metadata.isOutdated) {
      if (!firstTime) throw refused('Need access to UpToDate data')
      // Nobody else has this data.
      metadata.lineage = {}
    }
    metadata.isUpToDate = true
    metadata.isOutdated = false
    metadata.hasHistory = true
    this.role = 'Primary'
    this.changed()
  }

  /** @throws BUSY */
  demote(): void {
    if (this.openCount > 0) {
      const id = this.resource.name
      throw new CrosspoolError('BUSY', { kind: 'device', id, user: 'who has it open' })
    }
    this.role = 'Secondary'
    this.changed()
  }

  detach(): void {
    this.#closeBacking()
  }

  /** Tells those who watch this side and the other one. */
  changed(): void {
    this.announce()
    this.connection?.peer.announce()
  }

  announce(): void {
    this.#changed()
  }

  state(): BlockReplicationState {
    const { connection } = this
    const waiting = this.wantsPeer ? 'Connecting' : 'StandAlone'
    const differing = Math.max(
      this.metadata.outOfSync.size,
      connection?.peer.metadata.outOfSync.size ?? 0,
    )
    return {
      role: this.role,
      peerRole: connection?.peer.role ?? 'Unknown',
      disk: diskOf(this),
      peerDisk: connection ? diskOf(connection.peer) : 'DUnknown',
      connection: connection ? 'Connected' : waiting,
      replication: replicationOf(connection),
      outOfSyncBytes: differing * 512,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
    }
  }

  #assertPrimary(): void {
    if (this.role !== 'Primary') throw inputOutputError(`${this.resource.name} is Secondary`)
  }
}

function diskOf({ metadata }: ReplicatedDevice): string {
  if (!metadata.isUpToDate) return 'Inconsistent'
  return metadata.isOutdated ? 'Outdated' : 'UpToDate'
}

function replicationOf(connection: Connection | null): string {
  if (connection === null) return 'Off'
  if (connection.sync === null) return 'Established'
  return connection.sync === 'source' ? 'SyncSource' : 'SyncTarget'
}

function lost(id: string): CrosspoolError {
  return new CrosspoolError('REPLICATION_LOST', { id, state: 'not in sync' })
}

function refused(reason: string): CrosspoolError {
  return new CrosspoolError('HANDOVER_REFUSED', { reason })
}

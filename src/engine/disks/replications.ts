import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Replication } from '../../model/replication.ts'
import type { VdiState } from '../../model/vdi.ts'
import type { Mirror } from '../../ports/datapath.ts'
import type { StorageEnvironment } from './environment.ts'
import type { ReplicationRecord } from './records.ts'
import type { ReplicationBook } from './replication-book.ts'
import { toMirror } from './replication-records.ts'
import type { VdiCatalogue } from './vdi-catalogue.ts'
import type { VdiStates } from './vdi-states.ts'

export interface ReplicationParts {
  readonly environment: StorageEnvironment
  readonly book: ReplicationBook
  readonly catalogue: VdiCatalogue
  readonly states: VdiStates
  readonly lock: KeyedLock
}

/** Mirrors of this host's VDIs, of those that leave and of those that arrive: what is the same for both. */
export class Replications {
  readonly #environment: StorageEnvironment
  readonly #book: ReplicationBook
  readonly #states: VdiStates
  readonly #lock: KeyedLock

  constructor({ environment, book, states, lock }: ReplicationParts) {
    this.#environment = environment
    this.#book = book
    this.#states = states
    this.#lock = lock
  }

  /** Target: from here on it may be handed over. */
  async noteArmed(id: string): Promise<void> {
    const record = await this.#book.records.get(id)
    if (record?.side === 'target' && !record.isArmed)
      await this.#book.put({ ...record, isArmed: true })
  }

  /** @throws NOT_FOUND */
  async limit(id: string, bytesPerSecondMax: number | null): Promise<Replication> {
    const { vdi } = this.get(id)
    return await this.#lock.run([vdi], async () => {
      const record = await this.#book.records.get(id)
      if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
      const limited = { ...record, bytesPerSecondMax }
      await this.#book.put(limited)
      if (record.phase === 'running') await this.applyLimit(limited)
      return this.get(id)
    })
  }

  async stop(id: string, keep: 'volume' | 'nothing'): Promise<void> {
    const known = await this.#book.records.get(id)
    if (!known) return
    await this.#lock.run([known.vdi], async () => {
      const record = await this.#book.records.get(id)
      if (!record) return
      // The VM is at the source of a replica, which is never what goes.
      const isKeptSource = record.phase === 'kept' && record.side === 'source'
      await this.finishStop({ ...record, phase: 'stopping', keep: isKeptSource ? 'volume' : keep })
      if (isKeptSource) await this.#states.giveBackAdopted(record.vdi)
    })
  }

  /** Goes on from wherever it had come to. The caller holds the VDI's lock. */
  async finishStop(record: ReplicationRecord): Promise<void> {
    await this.#book.put(record)
    const vdi = await this.#book.vdis.get(record.vdi)
    // After a reboot the volume may have been attached anew, elsewhere.
    const { volumePath, volumeFormat } = vdi?.volumePath
      ? { ...vdi, volumePath: vdi.volumePath }
      : record
    const mirror = toMirror({ ...record, volumePath, volumeFormat })
    await this.#environment.datapath.close(mirror, record.keep ?? 'volume')
    if (record.kept && record.side === 'target' && record.keep === 'nothing' && vdi)
      await this.#states.giveUp(vdi)
    await this.#book.end(record)
  }

  /** @throws NOT_FOUND */
  get(id: string): Replication {
    const replication = this.#book.watcher.get(id)
    if (!replication) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    return replication
  }

  /** The mirror of a VDI for its handover. @throws NOT_FOUND */
  async mirrorFor(vdi: string, id: string): Promise<Mirror> {
    const record = await this.#book.records.get(id)
    if (record?.vdi !== vdi) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    if (record.phase === 'kept' || record.phase === 'keeping')
      throw new CrosspoolError('REPLICATION_LOST', { id, state: 'kept, and not begun again' })
    return toMirror(record)
  }

  /** As it was told to. The caller holds the VDI's lock. */
  async applyLimit(record: ReplicationRecord): Promise<void> {
    const { bytesPerSecondMax } = record
    if (bytesPerSecondMax === undefined) return
    await this.#environment.datapath.limit(toMirror(record), bytesPerSecondMax)
  }

  /**
   * Of one that did not come to anything; the VDI was in this state before. Its failure must not hide why: the
   * record then stays, and a restart or `stop` tries again. The caller holds the VDI's lock.
   */
  async takeBack(record: ReplicationRecord, state: VdiState): Promise<void> {
    try {
      await this.finishStop({ ...record, phase: 'stopping', keep: 'volume' })
      await this.#states.lower(record.vdi, state)
    } catch (error) {
      const fields = { replication: record.id, vdi: record.vdi, error }
      this.#environment.log.error(fields, 'a replication could not be taken back')
    }
  }
}

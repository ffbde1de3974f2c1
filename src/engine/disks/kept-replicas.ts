import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { KeepReplication, KeptReplica } from '../../model/replication.ts'
import type { StorageEnvironment } from './environment.ts'
import type { ReplicationRecord } from './records.ts'
import type { ReplicationBook } from './replication-book.ts'
import { toMirror } from './replication-records.ts'
import type { Replications } from './replications.ts'
import type { VdiStates } from './vdi-states.ts'

export interface KeptReplicaParts {
  readonly environment: StorageEnvironment
  readonly book: ReplicationBook
  readonly states: VdiStates
  readonly replications: Replications
  readonly lock: KeyedLock
}

const retryMs = 30_000
/** No timer goes wrong when the clock is set, or by its own limits. */
const sleepMsMax = 3_600_000

/** Mirrors of which one disk stays as a replica of the other, and when that ends by itself. */
export class KeptReplicas {
  readonly #parts: KeptReplicaParts
  readonly #timers = new Map<string, AbortController>()

  constructor(parts: KeptReplicaParts) {
    this.#parts = parts
  }

  /**
   * Left out what is wanted, it is as it was before it was begun again; a source that does not know for
   * sure what differs ends it instead. @throws NOT_FOUND, WRONG_STATE, NOT_SUPPORTED
   */
  async keep(id: string, wanted?: KeepReplication): Promise<void> {
    const { book, lock, replications } = this.#parts
    const known = await book.find(id)
    await lock.run([known.vdi], async () => {
      const record = await book.find(id)
      if (record.phase === 'stopping')
        throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
      if (record.phase === 'kept' && !wanted) return
      const kept = this.#keptOf(record, wanted)
      const isCertain =
        wanted || record.side === 'target' || book.watcher.get(id)?.state === 'synced'
      if (!isCertain)
        return await replications.finishStop({ ...record, phase: 'stopping', keep: 'volume' })
      const side = wanted?.side ?? record.side
      if (record.phase === 'kept' && record.side === side && record.kept?.mode === kept.mode) {
        // Told once more: only the time until which it is kept is another one.
        const { sinceMs } = record.kept
        const longer: ReplicationRecord = { ...record, kept: { ...kept, sinceMs } }
        await book.put(longer)
        return this.watch(longer)
      }
      const end = record.end ?? record.side
      if (record.phase === 'failed' && side === 'source')
        // Its host was started anew: nobody has noted what differs, and the next copy is of all of it.
        return await replications.finishStop({ ...record, phase: 'stopping', keep: 'volume' })
      await this.finish({ ...record, ...{ side, end, kept, keep: null, isArmed: false } })
    })
  }

  /** Goes on from wherever it had come to. The caller holds the VDI's lock. */
  async finish(record: ReplicationRecord): Promise<void> {
    const { book, environment, states } = this.#parts
    // After a restart of its host there is nothing to be told: the volume alone is the replica.
    const phase = record.phase === 'failed' ? 'kept' : 'keeping'
    const keeping: ReplicationRecord = { ...record, phase, reason: null }
    const vdi = await book.vdis.get(record.vdi)
    if (!vdi || !keeping.kept)
      throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id: record.vdi })
    await book.begin(vdi, keeping)
    if (phase === 'keeping') await environment.datapath.keep(toMirror(keeping), keeping.kept.mode)
    if (keeping.side === 'target')
      await states.lower(record.vdi, 'attached').catch((error: unknown) => {
        // The paused VM still has it open; whoever removes that deactivates it.
        if (!isCrosspoolError(error, 'BUSY')) throw error
      })
    const kept: ReplicationRecord = { ...keeping, phase: 'kept' }
    await book.put(kept)
    this.watch(kept)
  }

  /** Ends it at its time, and not while it is being mirrored to. */
  watch({ id, kept }: ReplicationRecord): void {
    this.#timers.get(id)?.abort()
    if (!kept || kept.untilMs === null) return
    const timer = new AbortController()
    this.#timers.set(id, timer)
    void this.#endInTime(id, timer.signal).finally(() => {
      if (this.#timers.get(id) === timer) this.#timers.delete(id)
    })
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.abort()
    this.#timers.clear()
  }

  async #endInTime(id: string, signal: AbortSignal): Promise<void> {
    const { book, environment } = this.#parts
    const { clock, log } = environment
    while (!signal.aborted) {
      try {
        const leftMs = untilMsOf(await book.records.get(id)) - clock.now()
        if (leftMs === Number.NEGATIVE_INFINITY) return
        const isDue = leftMs <= 0 && (await this.#end(id))
        if (isDue) return
        const sleepMs = leftMs > 0 ? Math.min(leftMs, sleepMsMax) : retryMs
        await clock.sleep(sleepMs, signal)
      } catch (error) {
        if (signal.aborted) return
        log.warn({ replication: id, error }, 'a replica could not be ended yet')
        await clock.sleep(retryMs, signal).catch(() => {})
      }
    }
  }

  /** Answers whether it has gone; one that is being mirrored to waits. */
  async #end(id: string): Promise<boolean> {
    const { book, environment, lock, replications, states } = this.#parts
    const known = await book.records.get(id)
    if (!known) return true
    return await lock.run([known.vdi], async () => {
      const record = await book.records.get(id)
      if (!record) return true
      if (untilMsOf(record) > environment.clock.now()) return false
      if (record.phase !== 'kept' && record.phase !== 'failed') return false
      // The VM may run on it, whatever became of the mirror: only who hands it over knows, and says so.
      if (record.isArmed) return false
      const keep = record.side === 'source' ? 'volume' : 'nothing'
      await replications.finishStop({ ...record, phase: 'stopping', keep })
      if (record.side === 'source') await states.giveBackAdopted(record.vdi)
      return true
    })
  }

  #keptOf(record: ReplicationRecord, wanted: KeepReplication | undefined): KeptReplica {
    const { clock, datapath } = this.#parts.environment
    if (!wanted) {
      if (record.kept) return record.kept
      const { id, phase: state } = record
      const details = { kind: 'replication', id, state, operation: 'keep', needed: 'kept before' }
      throw new CrosspoolError('WRONG_STATE', details)
    }
    const { vm, slot, other, mode, forMs } = wanted
    if (!datapath.capabilities.keeps.includes(mode)) {
      const reason = `this host keeps them by ${datapath.capabilities.keeps.join(', ') || 'no way'}`
      throw new CrosspoolError('NOT_SUPPORTED', { what: `Keeping a replica by ${mode}`, reason })
    }
    const sinceMs = clock.now()
    return { vm, slot, other, mode, sinceMs, untilMs: forMs === null ? null : sinceMs + forMs }
  }
}

/** Never, where it has no end; long ago, where there is nothing that could end. */
function untilMsOf(record: ReplicationRecord | null): number {
  if (!record?.kept) return Number.NEGATIVE_INFINITY
  return record.kept.untilMs ?? Number.POSITIVE_INFINITY
}

import { createOrderedListeners, type OrderedListeners } from '../../lib/ordered-listeners.ts'
import { isEncryptedScheme, type Replication, type Verification } from '../../model/replication.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MirrorStatus } from '../../ports/datapath.ts'
import type { ReplicationRecord } from './records.ts'
import { TransferRateMeter } from './transfer-rate.ts'

interface Watched {
  record: ReplicationRecord
  seen: Replication
  readonly meter: TransferRateMeter
  readonly listeners: OrderedListeners<Replication>
  stopMirrorWatch: (() => void) | null
  /** Of a replica, as it has been seen since this daemon was started. */
  completeness: Completeness
}

interface Completeness {
  readonly lackingSinceMs: number | null
  readonly isWhole: boolean
}

/** Watches the mirror of a record; answers how to stop. */
export type WatchMirror = (
  record: ReplicationRecord,
  listener: (status: MirrorStatus) => void,
) => () => void

/** The replications as everybody sees them, at every change. Holds nothing that a restart could lose. */
export class ReplicationWatcher {
  readonly #clock: Clock
  readonly #watchMirror: WatchMirror
  readonly #watched = new Map<string, Watched>()

  constructor(clock: Clock, watchMirror: WatchMirror) {
    this.#clock = clock
    this.#watchMirror = watchMirror
  }

  /** Takes note of a record as it has been written; a running one is watched in the kernel from here on. */
  note(record: ReplicationRecord): void {
    const watched = this.#watched.get(record.id) ?? this.#add(record)
    watched.record = record
    const { side, bytesPerSecondMax = null } = record
    watched.seen = { ...watched.seen, side, bytesPerSecondMax }
    if (record.phase !== 'kept') watched.completeness = unknownOf(record)
    if (record.phase === 'running' || record.phase === 'kept') this.#start(watched)
    else this.#stop(watched)
    if (record.phase !== 'running' && record.phase !== 'kept' && record.phase !== 'stopping')
      this.#show(watched, { ...watched.seen, ...still(record), kept: null })
  }

  /** How far the comparison of its two sides is, or what it has found. */
  noteVerification(id: string, verification: Verification): void {
    const watched = this.#watched.get(id)
    if (watched) this.#show(watched, { ...watched.seen, verification })
  }

  /** It has been taken out: listeners are told for the last time. */
  forget(id: string): void {
    const watched = this.#watched.get(id)
    if (!watched) return
    this.#stop(watched)
    this.#watched.delete(id)
    const { seen, listeners } = watched
    listeners.emit({ ...seen, state: 'stopped', bytesPerSecond: 0, etaMs: null, reason: null })
    listeners.clear()
  }

  list(): readonly Replication[] {
    return [...this.#watched.values()].map(({ seen }) => seen)
  }

  get(id: string): Replication | undefined {
    return this.#watched.get(id)?.seen
  }

  /** Calls `listener` at once and at every change; undefined where there is no such replication. */
  watch(id: string, listener: (replication: Replication) => void): (() => void) | undefined {
    const watched = this.#watched.get(id)
    if (!watched) return undefined
    const stop = watched.listeners.add(listener)
    listener(watched.seen)
    return stop
  }

  close(): void {
    for (const watched of this.#watched.values()) {
      this.#stop(watched)
      watched.listeners.clear()
    }
  }

  #add(record: ReplicationRecord): Watched {
    const { id, vdi, side, provider, sizeBytes } = record
    const watched: Watched = {
      record,
      seen: {
        ...{ id, vdi, side, provider, sizeBytes, ...still(record) },
        encrypted: isEncryptedScheme(provider),
        ...{ outOfSyncBytes: sizeBytes, sentBytes: 0 },
        ...{ bytesPerSecondMax: record.bytesPerSecondMax ?? null, kept: null },
      },
      completeness: unknownOf(record),
      meter: new TransferRateMeter(),
      listeners: createOrderedListeners<Replication>(),
      stopMirrorWatch: null,
    }
    this.#watched.set(id, watched)
    return watched
  }

  #start(watched: Watched): void {
    // What is watched is told anew when a mirror becomes a replica, or a replica a mirror.
    this.#stop(watched)
    watched.stopMirrorWatch = this.#watchMirror(watched.record, (status) => {
      const { sentBytes, reason } = status
      const state = stateOf(watched.record, status)
      // A provider counts in blocks of its own, and the last one may stand over.
      const outOfSyncBytes = Math.min(status.outOfSyncBytes, watched.record.sizeBytes)
      const atMs = this.#clock.monotonicMs()
      const rate = watched.meter.add({ atMs, sentBytes, remainingBytes: outOfSyncBytes })
      const goesOn = state === 'syncing' || state === 'synced'
      const { bytesPerSecond, etaMs } = goesOn ? rate : { bytesPerSecond: 0, etaMs: null }
      const seen = { state, outOfSyncBytes, sentBytes, bytesPerSecond, etaMs, reason }
      this.#show(watched, { ...watched.seen, ...seen, kept: this.#kept(watched, state) })
    })
  }

  /** A replica that was in step and has lost its link is whole; one that was catching up is not. */
  #kept(watched: Watched, state: Replication['state']): Replication['kept'] {
    const { record, completeness } = watched
    if (record.phase !== 'kept' || !record.kept) return null
    const nowMs = this.#clock.now()
    if (state === 'synced') watched.completeness = { lackingSinceMs: null, isWhole: true }
    else if (state === 'interrupted' && completeness.lackingSinceMs === null)
      watched.completeness = { ...completeness, lackingSinceMs: nowMs }
    else if (state === 'syncing') {
      const lackingSinceMs = completeness.lackingSinceMs ?? nowMs
      watched.completeness = { lackingSinceMs, isWhole: false }
    }
    return { ...record.kept, ...watched.completeness }
  }

  #stop(watched: Watched): void {
    watched.stopMirrorWatch?.()
    watched.stopMirrorWatch = null
  }

  #show(watched: Watched, next: Replication): void {
    watched.seen = next
    watched.listeners.emit(next)
  }
}

/** What a replication that is not in the kernel shows. */
function still({ phase, reason }: ReplicationRecord) {
  const state = phase === 'offered' || phase === 'failed' ? phase : ('connecting' as const)
  return { state, reason, bytesPerSecond: 0, etaMs: null }
}

/** Nobody has looked since it was kept: what it lacks is what was written since then, and whether it is whole nobody knows. */
function unknownOf({ kept }: ReplicationRecord): Completeness {
  const isDifference = kept?.mode === 'difference'
  return { lackingSinceMs: kept?.sinceMs ?? 0, isWhole: isDifference }
}

/** A replica that nothing is known of waits for its other side, or to be begun again. */
function stateOf(
  { phase, kept }: ReplicationRecord,
  { state }: MirrorStatus,
): Replication['state'] {
  if (phase !== 'kept') return state
  if (kept?.mode === 'difference') return 'paused'
  return state === 'synced' || state === 'syncing' ? state : 'interrupted'
}

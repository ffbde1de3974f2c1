import { CrosspoolError } from '../../model/errors.ts'
import type { Replication, Verification } from '../../model/replication.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, ReplicationRecord } from './records.ts'
import { toMirror } from './replication-records.ts'
import type { ReplicationWatcher } from './replication-watcher.ts'

/** Comparisons of both sides of mirrors, one at a time for each. A restart forgets them; they are begun anew. */
export class Verifications {
  readonly #environment: StorageEnvironment
  readonly #records: Records<ReplicationRecord>
  readonly #watcher: ReplicationWatcher
  readonly #running = new Map<string, AbortController>()

  constructor(
    environment: StorageEnvironment,
    records: Records<ReplicationRecord>,
    watcher: ReplicationWatcher,
  ) {
    this.#environment = environment
    this.#records = records
    this.#watcher = watcher
  }

  /** Source: answers when it has begun; what comes of it is seen in the replication. @throws NOT_FOUND, NOT_SUPPORTED */
  async begin(id: string): Promise<Replication> {
    const { datapath } = this.#environment
    const record = await this.#records.get(id)
    const seen = this.#watcher.get(id)
    if (record?.phase !== 'running' || !seen)
      throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    if (!datapath.capabilities.verifies || record.side !== 'source') {
      const reason = record.side === 'source' ? 'its datapath cannot' : 'the source does it'
      throw new CrosspoolError('NOT_SUPPORTED', { what: 'Comparing both sides', reason })
    }
    if (!this.#running.has(id)) void this.#run(record)
    return this.#watcher.get(id) ?? seen
  }

  close(): void {
    for (const stop of this.#running.values()) stop.abort()
  }

  async #run(record: ReplicationRecord): Promise<void> {
    const { id } = record
    const { datapath, clock, log } = this.#environment
    const stop = new AbortController()
    const startedMs = clock.monotonicMs()
    this.#running.set(id, stop)
    this.#watcher.noteVerification(id, { state: 'running' })
    let outcome: Verification
    try {
      const result = await datapath.verify(toMirror(record), stop.signal)
      const tookMs = Math.round(clock.monotonicMs() - startedMs)
      outcome = { state: 'done', ...result, tookMs }
    } catch (error) {
      outcome = { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
    }
    this.#running.delete(id)
    if (stop.signal.aborted) return
    log.info(
      { replication: id, verification: outcome },
      'both sides of a replication were compared',
    )
    this.#watcher.noteVerification(id, outcome)
  }
}

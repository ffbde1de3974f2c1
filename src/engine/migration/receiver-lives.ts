import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { IncomingVm } from '../../ports/hypervisor.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { writeOwnership } from './epochs.ts'
import { insist, removeReceiverDisks } from './receiver-disks.ts'
import {
  hasEnded,
  isTheSources,
  listReceivers,
  loadReceiver,
  type ReceiverRecord,
  receiverPut,
  saveReceiver,
} from './receiver-record.ts'

/** What a receiver holds while the daemon runs. */
export interface ReceiverLife {
  incoming: IncomingVm | null
  lastBeatMs: number
  /** Of copying each disk, as the source said last. */
  bytesPerSecondMax: number | null
  readonly stop: AbortController
}

const endedKept = 200

/** Begins and ends receivers: the destination's half of the heartbeat, the refusal and its clean-up. */
export class ReceiverLives {
  readonly #environment: ToolstackEnvironment
  readonly #lock: KeyedLock
  readonly #lives = new Map<string, ReceiverLife>()

  constructor(environment: ToolstackEnvironment, lock: KeyedLock) {
    this.#environment = environment
    this.#lock = lock
  }

  get(id: string): ReceiverLife | undefined {
    return this.#lives.get(id)
  }

  begin(record: ReceiverRecord): void {
    const lastBeatMs = this.#environment.clock.monotonicMs()
    const life: ReceiverLife = {
      ...{ incoming: null, lastBeatMs, bytesPerSecondMax: null },
      stop: new AbortController(),
    }
    this.#lives.set(record.id, life)
    void this.#watch(record, life)
  }

  end(id: string): void {
    this.#lives.get(id)?.stop.abort()
    this.#lives.delete(id)
  }

  /**
   * Durable first, then the clean-up: afterwards nothing here is writable, so the source may take
   * its disks back. `neverRan`: the hypervisor is certain that a VM which was to start did not.
   * @throws TOO_LATE_TO_CANCEL
   */
  async refuse(id: string, reason: string, neverRan = false): Promise<void> {
    const { store, host, log } = this.#environment
    const record = await loadReceiver(store, id)
    if (record.state === 'aborted') return
    const mayRefuse = isTheSources(record.state) || record.state === 'owned' || neverRan
    if (!mayRefuse) throw new CrosspoolError('TOO_LATE_TO_CANCEL', { destination: host })
    const { vm, epoch, operation } = record.request
    const refused: ReceiverRecord = { ...record, state: 'aborted', reason }
    await writeOwnership(store, vm.id, { epoch, state: 'refused', operation }, [
      receiverPut(refused),
    ])
    log.warn({ operation, receiver: id, reason }, 'the VM has been refused for good')
    await this.clean(refused)
  }

  /** Removes all that was made for a refused receiver; tries until it has. */
  async clean(record: ReceiverRecord): Promise<void> {
    const { clock, hypervisor, storage, store, log } = this.#environment
    const operation = record.request.operation
    const incoming = this.#lives.get(record.id)?.incoming
    const work = async () => {
      // After a restart a half-built copy has no handle; the VM itself is the source's, so any copy here is that one.
      await (incoming ? incoming.discard() : hypervisor.destroy(record.request.vm.id))
      await removeReceiverDisks(storage, record.disks)
    }
    await insist(clock, work, (error) =>
      log.error({ operation, error }, 'cleaning up failed; it will be tried again'),
    )
    this.end(record.id)
    await saveReceiver(store, { ...record, cleaned: true })
    await this.#prune()
  }

  async #watch({ id, request }: ReceiverRecord, life: ReceiverLife): Promise<void> {
    const { clock, store } = this.#environment
    const { signal } = life.stop
    while (!signal.aborted) {
      await clock.sleep(request.heartbeatIntervalMs, signal).catch(() => {})
      const elapsedMs = Math.round(clock.monotonicMs() - life.lastBeatMs)
      if (signal.aborted || elapsedMs <= request.heartbeatDeadlineMs) continue
      const lost = new CrosspoolError('HEARTBEAT_LOST', { elapsedMs })
      const giveUp = async () => {
        // A take may have come while we waited for our turn.
        if (!isTheSources((await loadReceiver(store, id)).state)) return life.stop.abort()
        await this.refuse(id, lost.message)
      }
      await this.#lock.run([id], giveUp).catch(() => {})
    }
  }

  /** Ended receivers are evidence for a source that asks late; only the oldest are forgotten. */
  async #prune(): Promise<void> {
    const { store } = this.#environment
    const ended = (await listReceivers(store)).filter(hasEnded)
    const deletes = ended
      .slice(0, Math.max(0, ended.length - endedKept))
      .map(({ id }) => `receivers/${id}`)
    if (deletes.length) await store.transact({ deletes })
  }
}

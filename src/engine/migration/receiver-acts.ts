import type { Duplex } from 'node:stream'
import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { settleAll } from '../../lib/settle-all.ts'
import { isCrosspoolError } from '../../model/errors.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { writeOwnership } from './epochs.ts'
import { handoverOfReceiver } from './receiver-disks.ts'
import type { ReceiverLife, ReceiverLives } from './receiver-lives.ts'
import {
  configurationHere,
  loadReceiver,
  noteReceiver,
  type ReceiverRecord,
  receiverPut,
  recordReceiver,
  refusal,
} from './receiver-record.ts'
import { resumeReceived } from './recover-receivers.ts'
import { saveArrived } from './vm-records.ts'

/** What a receiver does with its VM: builds it, takes its disks, runs it. What cannot be done is refused for good. */
export class ReceiverActs {
  readonly #environment: ToolstackEnvironment
  readonly #lives: ReceiverLives
  readonly #lock: KeyedLock

  constructor(environment: ToolstackEnvironment, lives: ReceiverLives, lock: KeyedLock) {
    this.#environment = environment
    this.#lives = lives
    this.#lock = lock
  }

  /** From the stream, which the source has opened; the end of it stands in the record. */
  async build(record: ReceiverRecord, live: ReceiverLife, stream: Duplex): Promise<void> {
    const { hypervisor, log } = this.#environment
    const operation = record.request.operation
    stream.on('error', (error) => log.warn({ operation, error }, 'memory stream'))
    try {
      live.incoming = await hypervisor.receive(configurationHere(record), stream)
      await live.incoming.ready
      await this.#lock.run([record.id], async () => {
        const now = await loadReceiver(this.#environment.store, record.id)
        if (now.state === 'receiving')
          await recordReceiver(this.#environment, { ...now, state: 'ready' })
      })
    } catch (error) {
      // It may have been refused while the hypervisor was still beginning: then nobody else knows this VM.
      await live.incoming?.discard().catch(() => {})
      log.warn({ operation, error }, 'the VM could not be built')
      const reason = isCrosspoolError(error) ? error.message : 'the VM could not be built'
      await this.#lock.run([record.id], () => this.#lives.refuse(record.id, reason)).catch(() => {})
    }
  }

  /** The VM is this host's from then on. The caller holds the receiver's lock. @throws HANDOVER_REFUSED, durably */
  async takeDisks(record: ReceiverRecord, state: 'owned' | 'starting'): Promise<ReceiverRecord> {
    const { storage, store, log } = this.#environment
    const { operation, epoch, vm } = record.request
    try {
      const { incoming } = this.#lives.get(record.id) ?? {}
      if (!incoming) throw refusal('no memory has arrived')
      // Nobody uses the disks before the VM runs: they need not wait for the last of its memory.
      const disks = handoverOfReceiver(record.disks)
      await settleAll([incoming.ready, disks.length ? storage.takeDisks(disks) : null])
    } catch (error) {
      log.error({ operation, error }, 'the disks could not be taken')
      const reason = isCrosspoolError(error) ? error.message : 'the disks could not be taken'
      await this.#lives.refuse(record.id, reason)
      throw refusal(reason, error)
    }
    const taken: ReceiverRecord = { ...record, state }
    await writeOwnership(store, vm.id, { epoch, state: 'owned', operation }, [receiverPut(taken)])
    noteReceiver(log, taken)
    return taken
  }

  /** The caller holds the receiver's lock. @throws HANDOVER_REFUSED, durably: it is certain that it did not run */
  async run(record: ReceiverRecord): Promise<ReceiverRecord> {
    if (record.state === 'running' || record.state === 'closed') return record
    const { incoming } = this.#lives.get(record.id) ?? {}
    const { hypervisor, store, log } = this.#environment
    try {
      await (incoming ? incoming.start() : resumeReceived(hypervisor, record.request.vm.id))
    } catch (error) {
      if (!isCrosspoolError(error, 'HANDOVER_REFUSED')) throw error
      await this.#lives.refuse(record.id, error.message, true)
      throw error
    }
    const arrived = await saveArrived(store, record)
    noteReceiver(log, arrived)
    return arrived
  }
}

import type { Duplex } from 'node:stream'
import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Preflight, ReceiveRequest } from '../../model/migration.ts'
import type { Heartbeat, HeartbeatAnswer, Receiver, ReceiverGrant } from '../../model/receiver.ts'
import type { ReplicaTerms } from '../../model/replica.ts'
import type { DiskWrites } from '../../model/write-latency.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { checkRequest } from './check-request.ts'
import { gatherDestinationFacts } from './destination-facts.ts'
import { limitArriving } from './limit-disks.ts'
import { planReceive, preflightFailure } from './plan-receive.ts'
import { ReceiverActs } from './receiver-acts.ts'
import {
  handoverOfReceiver,
  planReceiverDisks,
  prepareReceiverDisks,
  settleReceiverDisks,
} from './receiver-disks.ts'
import { ReceiverLives } from './receiver-lives.ts'
import {
  checkToken,
  configurationHere,
  hasEnded,
  hashToken,
  isTheSources,
  listReceivers,
  loadReceiver,
  type ReceiverRecord,
  receiverDocument,
  recordReceiver,
  refusal,
  saveReceiver,
  withoutSecrets,
  wrongState,
} from './receiver-record.ts'
import { recoverReceivers } from './recover-receivers.ts'
import { refuseTooMany } from './refuse-too-many.ts'
import { saveArrived } from './vm-records.ts'

const reasonCharactersMax = 500

/**
 * The destination's half of a migration. It never acts by itself, but for one thing: while the VM
 * is still the source's and the source falls silent, it refuses for good and cleans up.
 */
export class Receivers {
  readonly #environment: ToolstackEnvironment
  readonly #lives: ReceiverLives
  readonly #acts: ReceiverActs
  readonly #lock = createKeyedLock()

  constructor(environment: ToolstackEnvironment) {
    this.#environment = environment
    this.#lives = new ReceiverLives(environment, this.#lock)
    this.#acts = new ReceiverActs(environment, this.#lives, this.#lock)
  }

  /** The destination's checks; changes nothing. */
  async preflight(request: ReceiveRequest): Promise<Preflight> {
    const receivers = (await listReceivers(this.#environment.store)).filter(
      (record) => !hasEnded(record),
    )
    return planReceive(request, await gatherDestinationFacts(this.#environment, request, receivers))
  }

  /** VM.receive, for the host of this fingerprint alone. @throws PREFLIGHT_FAILED, SR_FULL, ... and then nothing is left */
  async receive(request: ReceiveRequest, source: string | null = null): Promise<ReceiverGrant> {
    // One at a time, so that two VMs cannot be promised the same memory or space.
    return this.#lock.run(['receive'], async () => {
      const { store, random } = this.#environment
      await refuseTooMany(this.#environment, request, source)
      checkRequest(request)
      const plan = await this.preflight(request)
      if (!plan.possible) throw preflightFailure(plan)
      const token = random.hex(32)
      const record: ReceiverRecord = {
        id: random.uuid(),
        ...{ tokenHash: hashToken(token), source },
        request,
        disks: planReceiverDisks(request, plan.disks, random),
        state: 'reserved',
        reason: null,
        cleaned: false,
      }
      await saveReceiver(store, record)
      try {
        const prepared = await recordReceiver(this.#environment, {
          ...record,
          disks: await prepareReceiverDisks(this.#environment, record),
        })
        // The source cannot beat before it has the answer, however long the disks have taken.
        this.#lives.begin(prepared)
        return { receiver: receiverDocument(prepared), token }
      } catch (error) {
        await this.#lives.refuse(record.id, 'its disks could not be prepared')
        throw error
      }
    })
  }

  async list(): Promise<Receiver[]> {
    return (await listReceivers(this.#environment.store)).map(withoutSecrets)
  }

  async get(id: string, token: string): Promise<Receiver> {
    return receiverDocument(await this.#authorised(id, token))
  }

  async heartbeat(id: string, token: string, beat: Heartbeat): Promise<HeartbeatAnswer> {
    const record = await this.#authorised(id, token)
    const live = this.#lives.get(id)
    if (live) live.lastBeatMs = this.#environment.clock.monotonicMs()
    void limitArriving(this.#environment, record, live, beat.bytesPerSecondMax ?? null)
    return {
      sequence: beat.sequence,
      receivedAtMs: this.#environment.clock.now(),
      state: record.state,
      reason: record.reason?.slice(0, reasonCharactersMax) ?? null,
    }
  }

  /** The source opens the memory stream. @throws HANDOVER_REFUSED; WRONG_STATE unless it is the first one */
  async openMemory(id: string, token: string): Promise<(stream: Duplex) => void> {
    return this.#lock.run([id], async () => {
      const record = await this.#authorised(id, token)
      const live = this.#lives.get(id)
      if (record.state === 'aborted') throw refusal(record.reason)
      if (record.state !== 'reserved' || !live)
        throw wrongState(record, 'receiving memory', 'reserved')
      const { storage } = this.#environment
      if (record.disks.length) await storage.armHandover(handoverOfReceiver(record.disks))
      await recordReceiver(this.#environment, { ...record, state: 'receiving' })
      return (stream) => void this.#acts.build(record, live, stream)
    })
  }

  /** The source has released the VM. @throws HANDOVER_REFUSED, durably; STALE_EPOCH */
  async take(
    id: string,
    token: string,
    { epoch, start }: { epoch: number; start: boolean },
  ): Promise<Receiver> {
    await this.#authorised(id, token)
    return this.#lock.run([id], async () => {
      const record = await loadReceiver(this.#environment.store, id)
      if (epoch !== record.request.epoch) {
        const { vm, epoch: known } = record.request
        throw new CrosspoolError('STALE_EPOCH', { epoch, vm: vm.name, known })
      }
      if (record.state === 'aborted') throw refusal(record.reason)
      const next = start ? 'starting' : 'owned'
      const taken = isTheSources(record.state) ? await this.#acts.takeDisks(record, next) : record
      return receiverDocument(start ? await this.#acts.run(taken) : taken)
    })
  }

  /** Runs the VM whose disks have been taken. @throws HANDOVER_REFUSED, durably */
  async start(id: string, token: string): Promise<Receiver> {
    await this.#authorised(id, token)
    return this.#lock.run([id], async () => {
      const record = await loadReceiver(this.#environment.store, id)
      if (record.state === 'aborted') throw refusal(record.reason)
      if (isTheSources(record.state)) throw wrongState(record, 'start', 'owned')
      const starting =
        record.state === 'owned'
          ? await recordReceiver(this.#environment, { ...record, state: 'starting' })
          : record
      return receiverDocument(await this.#acts.run(starting))
    })
  }

  /**
   * The source has let go: the mirrors are taken out here, or keep replicas there as `keep` says. Of a VM that
   * stays where it is, which nobody has sent yet, the disks here become replicas.
   */
  async close(id: string, token: string, keep: ReplicaTerms | null = null): Promise<Receiver> {
    await this.#authorised(id, token)
    return this.#lock.run([id], async () => {
      const record = await loadReceiver(this.#environment.store, id)
      if (record.state === 'closed') return receiverDocument(record)
      const stays = record.state === 'reserved' && keep !== null
      if (record.state !== 'running' && !stays) throw wrongState(record, 'close', 'running')
      const side = stays ? 'target' : 'source'
      const { hypervisor } = this.#environment
      if (!stays)
        await hypervisor.untilConnected(record.request.vm.id, configurationHere(record).disks)
      await settleReceiverDisks(this.#environment, record, keep, side)
      this.#lives.end(id)
      return receiverDocument(
        await recordReceiver(this.#environment, { ...record, state: 'closed', cleaned: true }),
      )
    })
  }

  /** What the VM has written here. @throws WRONG_STATE while it does not run here */
  async diskWrites(id: string, token: string): Promise<DiskWrites[]> {
    const record = await this.#authorised(id, token)
    if (record.state !== 'running' && record.state !== 'closed')
      throw wrongState(record, 'counting writes', 'running')
    const { hypervisor } = this.#environment
    const { disks } = configurationHere(record)
    return [...(await hypervisor.diskWrites(record.request.vm.id, disks))]
  }

  /** An administrator has seen whether a VM that was told to run here did. @throws NOT_FOUND */
  async settle(vm: string, ran: boolean): Promise<void> {
    const { store } = this.#environment
    const isOpen = ({ request, state }: ReceiverRecord) =>
      request.vm.id === vm && state === 'starting'
    const open = (await listReceivers(store)).find(isOpen)
    if (!open) throw new CrosspoolError('NOT_FOUND', { kind: 'receiver', id: vm })
    await this.#lock.run([open.id], async () => {
      const record = await loadReceiver(store, open.id)
      if (!isOpen(record)) return
      if (ran) await saveArrived(store, record)
      else await this.#lives.refuse(record.id, 'an administrator has seen that it never ran', true)
    })
  }

  /** Refuses for good. @throws TOO_LATE_TO_CANCEL when the disks have been taken */
  async abort(id: string, token: string, reason: string): Promise<Receiver> {
    await this.#authorised(id, token)
    await this.#lock.run([id], () => this.#lives.refuse(id, reason))
    return receiverDocument(await loadReceiver(this.#environment.store, id))
  }

  /** After a restart of this daemon, or of the host. */
  async recover(): Promise<void> {
    await recoverReceivers(this.#environment, this.#lives, (record) =>
      this.#lock.run([record.id], () => this.#acts.run(record)),
    )
  }

  async #authorised(id: string, token: string): Promise<ReceiverRecord> {
    const record = await loadReceiver(this.#environment.store, id)
    checkToken(record, token)
    return record
  }
}

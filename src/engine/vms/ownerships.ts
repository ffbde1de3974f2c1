import { CrosspoolError } from '../../model/errors.ts'
import type { Decision, Ownership } from '../../model/ownership.ts'
import type { Replica } from '../../model/replica.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import {
  listOwnerships,
  type Ownership as OwnershipRecord,
  writeOwnership,
} from '../migration/epochs.ts'
import { hasEnded, listReceivers, type ReceiverRecord } from '../migration/receiver-record.ts'
import type { Receivers } from '../migration/receivers.ts'
import {
  listReplicaRecords,
  type ReplicaRecord,
  readReplica,
} from '../migration/replica-records.ts'
import type { KnownHosts } from './known-hosts.ts'
import type { Replicas } from './replicas.ts'
import { wrongState } from './vm-listing.ts'

export interface OwnershipParts {
  readonly receivers: Receivers
  readonly replicas: Replicas
  readonly hosts: KnownHosts
  readonly holderOf: (vm: string) => string | null
}

/** Who may run which VM, and what would settle what is open. */
export class Ownerships {
  readonly #environment: ToolstackEnvironment
  readonly #parts: OwnershipParts

  constructor(environment: ToolstackEnvironment, parts: OwnershipParts) {
    this.#environment = environment
    this.#parts = parts
  }

  async list(): Promise<Ownership[]> {
    const { store, hypervisor } = this.#environment
    const [kept, replicas, records, receivers, vms] = await Promise.all([
      listReplicaRecords(store),
      this.#parts.replicas.list(),
      listOwnerships(store),
      listReceivers(store),
      hypervisor.list(),
    ])
    // Also a refused one until nothing is left of it: a VM that is given to this host meanwhile could be ended with it.
    const arriving = receivers.filter((receiver) => !hasEnded(receiver))
    const ids = new Set([
      ...records.keys(),
      ...arriving.map(({ request }) => request.vm.id),
      ...kept.filter(({ here }) => here === 'replica').map(({ vm }) => vm),
    ])
    return [...ids].map((vm) => {
      const here = vms.find(({ id }) => id === vm)
      const receiver = arriving.find(({ request }) => request.vm.id === vm)
      const replica = kept.find((one) => one.vm === vm && one.here === 'replica')
      const name = here?.name ?? receiver?.request.vm.name ?? replica?.name ?? null
      const record = records.get(vm)
      const ofReplica = replica && replicas.filter((one) => one.vm === vm)
      const isElsewhere = !receiver && (record?.epoch ?? 0) <= (replica?.epoch ?? -1)
      if (replica && ofReplica?.length && isElsewhere && this.#parts.holderOf(vm) === null)
        return { vm, name, ...explainReplica(replica, ofReplica) }
      const holder = this.#parts.holderOf(vm)
      return { vm, name, ...(receiver ? explainReceiver(receiver) : explainRecord(record, holder)) }
    })
  }

  /** @throws NOT_FOUND; WRONG_STATE when there is nothing of this kind to decide */
  async decide(vm: string, { decision }: Decision): Promise<Ownership> {
    const found = (await this.list()).find((one) => one.vm === vm || one.name === vm)
    if (!found) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: vm })
    if (!found.decisions.includes(decision)) {
      const details = { kind: 'vm', id: vm, state: found.state, operation: decision }
      throw new CrosspoolError('WRONG_STATE', { ...details, needed: 'waiting for that decision' })
    }
    this.#environment.log.warn({ vm: found.vm, decision }, 'an administrator has decided')
    if (found.state === 'replica') await this.#refuseReachable(found.vm)
    if (decision === 'claim') await this.#claim(found.vm, found.epoch)
    else await this.#parts.receivers.settle(found.vm, decision === 'it-ran')
    const now = (await this.list()).find((one) => one.vm === found.vm)
    return now ?? { ...found, settled: true, decides: null, decisions: [] }
  }

  /** A newer epoch: nothing that the other side says of the old one counts any more. */
  async #claim(vm: string, epoch: number): Promise<void> {
    const operation = `claimed ${this.#environment.random.uuid()}`
    const claimed: OwnershipRecord = { epoch: epoch + 1, state: 'owned', operation }
    await writeOwnership(this.#environment.store, vm, claimed)
    await this.#parts.replicas.finishClaims()
  }

  /** A host that answers can be asked to let go; that a link between disks is cut says nothing of it. */
  async #refuseReachable(vm: string): Promise<void> {
    const { store, peers } = this.#environment
    const other = (await readReplica(store, vm))?.other ?? ''
    const url = await this.#parts.hosts.resolve(other)
    const answers = await peers
      .connect(url)
      .host()
      .then(
        () => true,
        () => false,
      )
    if (!answers) return
    throw wrongState(vm, `at ${other}, which answers`, 'claim', 'at a host that is lost')
  }
}

type Explained = Omit<Ownership, 'vm' | 'name'>

function explainRecord(record: OwnershipRecord | undefined, holder: string | null): Explained {
  const { epoch, state } = record ?? { epoch: 0, state: 'owned' as const }
  const settled = { epoch, state, settled: true, decides: null, decisions: [] }
  if (state === 'owned') return { ...settled, explanation: 'it runs here, or may be started here' }
  if (state === 'refused')
    return { ...settled, explanation: 'it was offered to this host, which has refused for good' }
  if (holder === null)
    return { ...settled, explanation: 'it was handed over and belongs to the other host' }
  return {
    ...{ epoch, state, settled: false },
    explanation: `operation ${holder} has released it, and the destination has not answered yet; it does not run here meanwhile`,
    decides:
      "the destination's word: it goes on there, or is refused durably and goes on here. If that host is lost for good, claim it",
    decisions: ['claim'],
  }
}

function explainReplica({ epoch, other }: ReplicaRecord, replicas: readonly Replica[]): Explained {
  const told = { epoch, state: 'replica' as const }
  const where = `it belongs to ${other}; this host keeps replicas of its disks`
  const isUsable = replicas.every(
    ({ mode, isWhole, state }) => mode === 'every-write' && isWhole && state === 'interrupted',
  )
  if (!isUsable) return { ...told, settled: true, explanation: where, decides: null, decisions: [] }
  const lackingMs = Math.min(...replicas.map(({ lackingSinceMs }) => lackingSinceMs ?? Infinity))
  const moment = Number.isFinite(lackingMs) ? new Date(lackingMs).toISOString() : 'now'
  return {
    ...told,
    settled: false,
    explanation: `${where}, which have every write up to ${moment}. What was acknowledged there after that moment is lost if you claim it`,
    decides: `that ${other} is seen to be off, or is back. If it is lost, and certainly does not run the VM, claim it`,
    decisions: ['claim'],
  }
}

function explainReceiver({ state, request }: ReceiverRecord): Explained {
  const { epoch, source } = request
  const from = `${source.pool}/${source.host}`
  if (state === 'starting')
    return {
      ...{ epoch, state, settled: false },
      explanation: `its disks were taken from ${from} and it was told to run here; whether it did is not known`,
      decides: `what this host's hypervisor shows. If it has run here, say so; if it certainly has not, ${from} takes it back`,
      decisions: ['it-ran', 'it-never-ran'],
    }
  if (state === 'owned' || state === 'running')
    return {
      ...{ epoch, state: 'owned', settled: false, decisions: [] },
      explanation: `it was taken over from ${from}, which has not let go yet`,
      decides: `${from} asks by itself as soon as it can`,
    }
  if (state === 'aborted')
    return {
      ...{ epoch, state: 'refused', settled: false, decisions: [] },
      explanation: `it was offered by ${from}, and refused for good; what was built for it here is still being removed`,
      decides: 'this host does so by itself, at the latest when xapi is started anew',
    }
  return {
    ...{ epoch, state: 'arriving', settled: false, decisions: [] },
    explanation: `it is on its way from ${from}, where it runs`,
    decides: `${from} goes on, or falls silent: then it is refused here`,
  }
}

import { CrosspoolError } from '../../model/errors.ts'
import type { Decision, Ownership } from '../../model/ownership.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import {
  listOwnerships,
  type Ownership as OwnershipRecord,
  writeOwnership,
} from '../migration/epochs.ts'
import { listReceivers, type ReceiverRecord } from '../migration/receiver-record.ts'
import type { Receivers } from '../migration/receivers.ts'

/** Who may run which VM, and what would settle what is open. */
export class Ownerships {
  readonly #environment: ToolstackEnvironment
  readonly #receivers: Receivers
  readonly #holderOf: (vm: string) => string | null

  constructor(
    environment: ToolstackEnvironment,
    receivers: Receivers,
    holderOf: (vm: string) => string | null,
  ) {
    this.#environment = environment
    this.#receivers = receivers
    this.#holderOf = holderOf
  }

  async list(): Promise<Ownership[]> {
    const { store, hypervisor } = this.#environment
    const [records, receivers, vms] = await Promise.all([
      listOwnerships(store),
      listReceivers(store),
      hypervisor.list(),
    ])
    const arriving = receivers.filter(isOpen)
    const ids = new Set([...records.keys(), ...arriving.map(({ request }) => request.vm.id)])
    return [...ids].map((vm) => {
      const here = vms.find(({ id }) => id === vm)
      const receiver = arriving.find(({ request }) => request.vm.id === vm)
      const name = here?.name ?? receiver?.request.vm.name ?? null
      const record = records.get(vm)
      return {
        vm,
        name,
        ...(receiver ? explainReceiver(receiver) : explainRecord(record, this.#holderOf(vm))),
      }
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
    if (decision === 'claim') await this.#claim(found.vm, found.epoch)
    else await this.#receivers.settle(found.vm, decision === 'it-ran')
    const now = (await this.list()).find((one) => one.vm === found.vm)
    return now ?? { ...found, settled: true, decides: null, decisions: [] }
  }

  /** A newer epoch: nothing that the other side says of the old one counts any more. */
  async #claim(vm: string, epoch: number): Promise<void> {
    const operation = `claimed ${this.#environment.random.uuid()}`
    const claimed: OwnershipRecord = { epoch: epoch + 1, state: 'owned', operation }
    await writeOwnership(this.#environment.store, vm, claimed)
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
  return {
    ...{ epoch, state: 'arriving', settled: false, decisions: [] },
    explanation: `it is on its way from ${from}, where it runs`,
    decides: `${from} goes on, or falls silent: then it is refused here`,
  }
}

function isOpen({ state }: ReceiverRecord): boolean {
  return state !== 'closed' && state !== 'aborted'
}

import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { Sending, SendRequest } from '../../model/sending.ts'
import type { OutgoingVm } from '../../ports/hypervisor.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { removeVmRecord } from '../migration/vm-records.ts'

interface LiveSending {
  document: Sending
  readonly outgoing: OutgoingVm
  readonly cancel: AbortController
}

/**
 * The memory part of a migration that somebody does by hand. It keeps no record of who owns the VM:
 * whoever does this is the toolstack. `VM.migrate` is what does it safely.
 */
export class Sendings {
  readonly #environment: ToolstackEnvironment
  readonly #live = new Map<string, LiveSending>()

  constructor(environment: ToolstackEnvironment) {
    this.#environment = environment
  }

  /** The sending that holds a VM, or null. */
  holderOf(vm: string): string | null {
    const holder = [...this.#live.values()].find(
      ({ document }) => document.vm === vm && isOpen(document),
    )
    return holder?.document.id ?? null
  }

  /** Begins to send; the VM runs on until it is `paused`. */
  async start(vm: string, { url, receiver, token }: SendRequest): Promise<Sending> {
    const { hypervisor, peers, random, log } = this.#environment
    const id = random.uuid()
    const cancel = new AbortController()
    const stream = await peers.connect(url).openMemory(receiver, token)
    stream.on('error', (error) => log.warn({ sending: id, error }, 'memory stream'))
    const outgoing = await hypervisor.send(vm, stream, {
      signal: cancel.signal,
      onProgress: (progress) => this.#update(id, progress),
    })
    const document: Sending = {
      id,
      vm,
      state: 'sending',
      sentBytes: 0,
      totalBytes: 0,
      reason: null,
    }
    this.#live.set(id, { document, outgoing, cancel })
    outgoing.paused.then(
      () => this.#update(id, { state: 'paused' }),
      (error: unknown) =>
        this.#update(id, {
          state: 'ended',
          reason: isCrosspoolError(error) ? error.message : 'it broke',
        }),
    )
    return document
  }

  get(id: string): Sending {
    return this.#find(id).document
  }

  /** The VM runs on here, from any state before `forgotten`. */
  async resume(id: string): Promise<Sending> {
    const { document, outgoing, cancel } = this.#find(id)
    if (document.state === 'forgotten') throw wrongState(document, 'resume', 'sending or paused')
    cancel.abort(new CrosspoolError('CANCELLED'))
    await outgoing.resume()
    return this.#update(id, { state: 'ended', reason: document.reason ?? 'resumed by hand' })
  }

  /** The VM runs at the destination: removes the paused copy here. */
  async forget(id: string): Promise<Sending> {
    const { document, outgoing } = this.#find(id)
    if (document.state === 'forgotten') return document
    if (document.state !== 'paused') throw wrongState(document, 'forget', 'paused')
    await outgoing.finish()
    // It can be started there; here it must not look like one that has ended by itself.
    await removeVmRecord(this.#environment.store, document.vm)
    await outgoing.forget()
    return this.#update(id, { state: 'forgotten' })
  }

  #find(id: string): LiveSending {
    const sending = this.#live.get(id)
    if (!sending) throw new CrosspoolError('NOT_FOUND', { kind: 'sending', id })
    return sending
  }

  #update(id: string, change: Partial<Sending>): Sending {
    const sending = this.#find(id)
    sending.document = { ...sending.document, ...change }
    return sending.document
  }
}

function isOpen({ state }: Sending): boolean {
  return state === 'sending' || state === 'paused'
}

function wrongState({ id, state }: Sending, operation: string, needed: string): CrosspoolError {
  return new CrosspoolError('WRONG_STATE', { kind: 'sending', id, state, operation, needed })
}

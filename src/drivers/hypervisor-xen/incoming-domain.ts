import type { Duplex } from 'node:stream'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import { within } from '../../ports/deadlines.ts'
import type { IncomingVm } from '../../ports/hypervisor.ts'
import { type ReceivingXl, receiveMemory, receivingXl } from './receiving-xl.ts'
import { destroyDomains, listDomains, type XenContext } from './xen-context.ts'
import { startXl } from './xl-child.ts'

export interface IncomingDomain {
  readonly uuid: string
  /** libxl's configuration, for this host. */
  readonly configuration: string
}

/** Waits until nobody else receives here, and answers how to let the next one in. */
export type ReceiveTurn = (signal: AbortSignal) => Promise<() => void>

/**
 * Receives a domain with `xl migrate-receive`. xl is given our configuration instead of the one in
 * the stream, and its permission to go from us, not from the sender.
 */
export function receiveDomain(
  context: XenContext,
  domain: IncomingDomain,
  stream: Duplex,
  takeTurn: ReceiveTurn,
): IncomingVm {
  const { limits, incomingMarks } = context
  const given = new AbortController()
  let child: ReceivingXl | null = null
  let started: Promise<void> | null = null

  async function untilReady(): Promise<void> {
    const release = await takeTurn(given.signal)
    try {
      const domidsBefore = (await listDomains(context)).map(({ domid }) => domid)
      given.signal.throwIfAborted()
      await incomingMarks.put(domain.uuid, 'held')
      const xl = startXl(context.commandRunner, context.clock, ['migrate-receive'])
      child = receivingXl(xl, domidsBefore)
      await receiveMemory(context, domain.configuration, stream, child, given.signal)
    } catch (error) {
      stream.destroy()
      const complaint = child?.xl.complaint()
      const leftBehind = await remove().catch((cause: unknown) => ({ cause }))
      // `discard` tries again.
      const errors = leftBehind ? [error, leftBehind.cause] : [error]
      throw failure(error, complaint, new AggregateError(errors, 'a VM could not be received'))
    } finally {
      release()
    }
  }

  // Without its stream xl destroys what it has built; what a killed xl could not, is destroyed here.
  async function remove(): Promise<void> {
    if (child === null) return
    child.xl.stdin.end()
    child.fromXl.drain()
    await child.xl.endWithin(limits.stepMs)
    const { domidsBefore } = child
    await destroyDomains(context, ({ domid, uuid, isIncoming }) => {
      return uuid === domain.uuid && isIncoming && !domidsBefore.includes(domid)
    })
    await incomingMarks.remove(domain.uuid)
  }

  async function go(): Promise<void> {
    await ready.catch((error: unknown) => refuse('its memory is not across', error))
    if (given.signal.aborted || child === null) return refuse('what was built has been removed')
    const { xl, fromXl } = child
    // Before the word is given: a daemon that is started anew must not think that it never was.
    await incomingMarks.put(domain.uuid, 'told')
    const status = await within(context.clock, limits.stepMs, 'xl to start the domain', child.go())
    if (status === 0) {
      fromXl.drain()
      stream.destroy()
      await incomingMarks.remove(domain.uuid)
      return
    }
    const complaint = new Error(xl.complaint())
    await remove()
    if (await runsNow()) return
    refuse(`xl could not start it (${status ?? 'no answer'})`, complaint)
  }

  // xl may have died between starting the domain and saying so.
  async function runsNow(): Promise<boolean> {
    const { domidsBefore = [] } = child ?? {}
    const own = (await listDomains(context)).find(({ domid, uuid, isIncoming }) => {
      return uuid === domain.uuid && !isIncoming && !domidsBefore.includes(domid)
    })
    if (own?.state !== 'paused') return own !== undefined
    await context.commandRunner.run('xl', ['unpause', String(own.domid)])
    return true
  }

  const ready = untilReady()
  ready.catch(() => {})
  return {
    ready,
    start() {
      started ??= go().catch((error: unknown) => {
        // A refusal is final; anything else is uncertain, and may be asked again.
        if (!isCrosspoolError(error, 'HANDOVER_REFUSED')) started = null
        throw error
      })
      return started
    },
    async discard() {
      if (started !== null && (await started.then(() => true).catch(() => false))) {
        const [state, needed] = ['running', 'not yet started']
        const details = { kind: 'vm', id: domain.uuid, state, operation: 'discard', needed }
        throw new CrosspoolError('WRONG_STATE', details)
      }
      given.abort(new CrosspoolError('CANCELLED'))
      stream.destroy()
      await ready.catch(() => {})
      await remove()
    },
  }
}

function failure(error: unknown, complaint: string | undefined, cause: unknown): CrosspoolError {
  if (error instanceof CrosspoolError && error.code !== 'MEMORY_STREAM_FAILED') return error
  const noticed = error instanceof CrosspoolError ? error.details.reason : error
  const reason = complaint === undefined ? `${noticed}` : `${noticed} (${complaint})`
  return new CrosspoolError('MEMORY_STREAM_FAILED', { reason }, cause)
}

function refuse(reason: string, cause?: unknown): never {
  throw new CrosspoolError('HANDOVER_REFUSED', { reason }, cause)
}

/**
 * After a restart of this daemon: sees to it that a received domain runs, or certainly never will.
 * Answers false where there is none. An xl whose daemon has died destroys what it holds, or is ended
 * by its next word before it has started the domain.
 * @throws HANDOVER_REFUSED; WRONG_STATE when the guest has ended since
 */
export async function settleReceivedDomain(context: XenContext, vm: string): Promise<boolean> {
  const { commandRunner, incomingMarks } = context
  const mark = await incomingMarks.get(vm)
  if (mark === null) return false
  const own = (await listDomains(context)).filter(({ uuid }) => uuid === vm)
  const settled = own.find(({ isIncoming }) => !isIncoming)
  const hasIncoming = own.length > (settled === undefined ? 0 : 1)
  if (hasIncoming || (mark === 'held' && settled === undefined)) {
    await destroyDomains(context, ({ uuid, isIncoming }) => uuid === vm && isIncoming)
    await incomingMarks.put(vm, 'held')
    refuse('this daemon was restarted before the VM was started')
  }
  if (settled?.state === 'paused') await commandRunner.run('xl', ['unpause', String(settled.domid)])
  if (settled !== undefined) {
    await incomingMarks.remove(vm)
    return mark === 'told'
  }
  const details = { kind: 'vm', id: vm, state: 'gone', operation: 'resume', needed: 'there' }
  throw new CrosspoolError('WRONG_STATE', details)
}

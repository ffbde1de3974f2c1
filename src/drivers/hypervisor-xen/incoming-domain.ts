import type { Duplex } from 'node:stream'
import { CrosspoolError } from '../../model/errors.ts'
import { within } from '../../ports/deadlines.ts'
import type { IncomingVm } from '../../ports/hypervisor.ts'
import { createIncomingVm, refuseStart } from '../../ports/incoming-vm.ts'
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
  const { clock, limits, incomingMarks } = context
  let child: ReceivingXl | null = null

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

  return createIncomingVm({
    ...{ vm: domain.uuid, stream },
    takeTurn,
    async build(signal) {
      const domidsBefore = (await listDomains(context)).map(({ domid }) => domid)
      signal.throwIfAborted()
      await incomingMarks.put(domain.uuid, 'held')
      const xl = startXl(context.commandRunner, clock, ['migrate-receive'])
      child = receivingXl(xl, domidsBefore)
      await receiveMemory(context, domain.configuration, stream, child, signal)
    },
    complaint: async () => child?.xl.complaint() ?? null,
    async run() {
      if (child === null) return refuseStart('nothing was built')
      const { xl, fromXl } = child
      // Before the word is given: a daemon that is started anew must not think that it never was.
      await incomingMarks.put(domain.uuid, 'told')
      const status = await within(clock, limits.stepMs, 'xl to start the domain', child.go())
      if (status === 0) {
        fromXl.drain()
        await incomingMarks.remove(domain.uuid)
        return
      }
      const complaint = new Error(xl.complaint())
      await remove()
      if (await runsNow()) return
      refuseStart(`xl could not start it (${status ?? 'no answer'})`, complaint)
    },
    remove,
  })
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
    refuseStart('this daemon was restarted before the VM was started')
  }
  if (settled?.state === 'paused') await commandRunner.run('xl', ['unpause', String(settled.domid)])
  if (settled !== undefined) {
    await incomingMarks.remove(vm)
    return mark === 'told'
  }
  const details = { kind: 'vm', id: vm, state: 'gone', operation: 'resume', needed: 'there' }
  throw new CrosspoolError('WRONG_STATE', details)
}

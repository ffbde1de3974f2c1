import { CrosspoolError } from '../../model/errors.ts'
import type { VmReboot, VmState } from '../../model/vm.ts'
import type { DomainLine } from './parse-domain-list.ts'
import { listDomains, type XenContext } from './xen-context.ts'

/** -F: a guest that does not listen to xenstore is asked by ACPI. xl does not wait for either. */
export async function shutdownDomain(context: XenContext, vm: string): Promise<void> {
  const { domid } = await domainFor(context, vm, 'shutdown', ['running'])
  await xl(context, ['shutdown', '-F', String(domid)])
}

/** @throws NOT_SUPPORTED for a hard one: xl has no reset, only an end and another beginning */
export async function rebootDomain(context: XenContext, vm: string, how: VmReboot): Promise<void> {
  const { domid } = await domainFor(context, vm, 'reboot', ['running'])
  if (how === 'hard') {
    const reason = 'xl cannot reset a domain'
    throw new CrosspoolError('NOT_SUPPORTED', { what: 'A hard reboot', reason })
  }
  await xl(context, ['reboot', '-F', String(domid)])
}

export async function pauseDomain(context: XenContext, vm: string): Promise<void> {
  const { domid, state } = await domainFor(context, vm, 'pause', ['running', 'paused'])
  // Xen counts: what is paused twice would have to be unpaused twice.
  if (state === 'running') await xl(context, ['pause', String(domid)])
}

export async function unpauseDomain(context: XenContext, vm: string): Promise<void> {
  const { domid, state } = await domainFor(context, vm, 'unpause', ['running', 'paused'])
  if (state === 'paused') await xl(context, ['unpause', String(domid)])
}

/** A domain that is on its way, in either direction, is nobody's to act on. */
async function domainFor(
  context: XenContext,
  vm: string,
  operation: string,
  needed: readonly VmState[],
): Promise<DomainLine> {
  const own = (await listDomains(context)).filter(({ uuid }) => uuid === vm)
  const domain = own.find(({ isIncoming }) => !isIncoming)
  if (domain === undefined) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: vm })
  if (context.sending.has(vm) || own.length > 1)
    throw new CrosspoolError('BUSY', { kind: 'vm', id: vm, user: 'a migration' })
  const state = domain.isMigratedAway ? 'released' : domain.state
  const isArriving = domain.state !== 'running' && (await context.incomingMarks.get(vm)) !== null
  if (isArriving || domain.isMigratedAway || !needed.includes(domain.state)) {
    const details = { kind: 'vm', id: vm, state: isArriving ? 'arriving' : state, operation }
    throw new CrosspoolError('WRONG_STATE', { ...details, needed: needed.join(' or ') })
  }
  return domain
}

async function xl({ commandRunner, limits }: XenContext, args: readonly string[]): Promise<void> {
  await commandRunner.run('xl', args, { timeoutMs: limits.stepMs })
}

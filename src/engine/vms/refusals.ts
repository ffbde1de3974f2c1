import { CrosspoolError } from '../../model/errors.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { readOwnership } from '../migration/epochs.ts'
import { listReceivers } from '../migration/receiver-record.ts'
import { wrongState } from './vm-listing.ts'

/** One of this UUID or name is here. */
export async function refuseDouble({ hypervisor }: ToolstackEnvironment, id: string, name: string) {
  const found = await Promise.all([hypervisor.find(id), hypervisor.find(name)])
  if (found.some((vm) => vm !== null))
    throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vm', id: name })
}

/** A VM that has been handed over may run only where it went. */
export async function refuseForeign(
  { store }: ToolstackEnvironment,
  id: string,
  operation: string,
) {
  const { state, epoch } = await readOwnership(store, id)
  if (state === 'owned') return
  throw wrongState(id, `${state} at epoch ${epoch}`, operation, 'owned by this host')
}

/** A VM that is on its way here and does not run here yet. */
export async function refuseArriving({ store }: ToolstackEnvironment, id: string): Promise<void> {
  const hasArrived = ['running', 'closed', 'aborted']
  const receiver = (await listReceivers(store)).find(
    ({ request, state }) => request.vm.id === id && !hasArrived.includes(state),
  )
  if (receiver)
    throw new CrosspoolError('BUSY', { kind: 'vm', id, user: `receiver ${receiver.id}` })
}

import { setTimeout } from 'node:timers/promises'
import type { ApiClient } from '../../api/client/api-client.ts'
import type { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { OperationState } from '../../model/operation.ts'
import type { ReceiverState } from '../../model/receiver.ts'
import type { CliContext } from '../context.ts'

const pollIntervalMs = 1_000

export interface WaitOptions {
  readonly timeout?: number
}

/** Until no migration leaves this host or arrives at it that a stop of its daemons could end. @throws BUSY */
export async function waitUntilIdle(context: CliContext, options: WaitOptions): Promise<void> {
  const client = await context.toolstack()
  const { name } = await client.getHost()
  const deadlineMs = performance.now() + (options.timeout ?? Number.POSITIVE_INFINITY) * 1_000
  let told = ''
  for (;;) {
    const [first, ...others] = await migrations(client)
    if (first === undefined) return context.show({ idle: true }, () => 'No migration runs here.')
    const user = others.length > 0 ? `${first} and ${others.length} more` : first
    if (performance.now() >= deadlineMs)
      throw new CrosspoolError('BUSY', { kind: 'host', id: name, user })
    if (user !== told) context.tell(`Waiting for ${user} ...`)
    told = user
    await setTimeout(pollIntervalMs)
  }
}

/** One that is queued is still queued after a restart. */
const leaving: readonly OperationState[] = ['running', 'undoing']
/** Later the VM runs here, and what is left to do is done after a restart. */
const arriving: readonly ReceiverState[] = ['reserved', 'receiving', 'ready', 'owned', 'starting']

async function migrations(client: ApiClient<typeof toolstackRoutes>): Promise<readonly string[]> {
  const [operations, receivers] = await Promise.all([
    client.listOperations(),
    client.listReceivers(),
  ])
  return [
    ...operations
      .filter(({ state }) => leaving.includes(state))
      .map(({ subject, details }) => `the migration of ${details.vmName ?? subject}`),
    ...receivers
      .filter(({ state }) => arriving.includes(state))
      .map(({ vm }) => `the arrival of VM ${vm}`),
  ]
}

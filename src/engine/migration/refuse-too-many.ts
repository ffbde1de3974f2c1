import { CrosspoolError } from '../../model/errors.ts'
import type { ReceiveRequest } from '../../model/migration.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { isTheSources, listReceivers } from './receiver-record.ts'

/** `peer`: fingerprint of who asks; a peer without one is what it calls itself. @throws QUEUE_FULL, on which the source waits */
export async function refuseTooMany(
  { limits, store, host }: ToolstackEnvironment,
  { source }: ReceiveRequest,
  peer: string | null,
): Promise<void> {
  if (!limits) return
  const arriving = (await listReceivers(store)).filter((record) => isTheSources(record.state))
  const fromThere = arriving.filter(
    ({ source: asker, request: { source: told } }) =>
      asker === peer && (peer !== null || (told.host === source.host && told.pool === source.pool)),
  )
  const refuse = (limit: number, from: string) =>
    new CrosspoolError('QUEUE_FULL', { host, limit, from })
  if (arriving.length >= limits.host) throw refuse(limits.host, 'all hosts')
  if (fromThere.length >= limits.peer) throw refuse(limits.peer, 'one host')
}

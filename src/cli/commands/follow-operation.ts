import type { ApiClient } from '../../api/client/api-client.ts'
import type { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import { isEnded, type Operation } from '../../model/operation.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { failureText } from '../views/error-view.ts'
import { exitCodeOfOutcome } from './outcome.ts'
import { watchOperation } from './watch-operation.ts'

type Client = ApiClient<typeof toolstackRoutes>

/** Shows an operation that this command has begun until it ends: the first Ctrl-C cancels it, the second one leaves it to the daemon. */
export async function followOperation(
  context: CliContext,
  client: Client,
  begun: Operation,
  options: { readonly detach?: boolean },
): Promise<ExitCode> {
  const { id } = begun
  if (options.detach) {
    context.show(begun, () => `Operation ${id}. Watch it with: crosspool operations watch ${id}`)
    return exitCodes.done
  }
  const leave = new AbortController()
  let interrupts = 0
  const forget = context.surroundings.onInterrupt(() => {
    interrupts += 1
    if (interrupts === 1) void cancel(context, client, id)
    else leave.abort()
  })
  const last = await watchOperation(context, client, id, leave.signal).finally(forget)
  if (last !== null && isEnded(last)) return exitCodeOfOutcome(last)
  context.tell(`The operation goes on. Watch it with: crosspool operations watch ${id}`)
  return exitCodes.interrupted
}

async function cancel(context: CliContext, client: Client, operation: string): Promise<void> {
  context.tell('Cancelling: everything is taken back. Ctrl-C again leaves that to the daemon.')
  try {
    await client.cancelOperation({ params: { operation } })
  } catch (error) {
    context.tell(failureText(error, context.style))
  }
}

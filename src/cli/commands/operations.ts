import { isEnded, type Operation } from '../../model/operation.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { liveView, outcomeView } from '../views/migration-view.ts'
import { operationsView } from '../views/operation-views.ts'
import { limitText } from '../views/quantities.ts'
import { exitCodeOfOutcome, tellError } from './outcome.ts'
import { watchOperation } from './watch-operation.ts'

export async function listOperations(context: CliContext): Promise<void> {
  context.show(await (await context.toolstack()).listOperations(), operationsView)
}

export async function showOperation(context: CliContext, operation: string): Promise<void> {
  const client = await context.toolstack()
  const found = await client.getOperation({ params: { operation } })
  context.show(found, (document, style) => {
    const view = liveView(document, Date.now(), style, context.width)
    return isEnded(document) ? `${view}\n${outcomeView(document, style)}` : view
  })
  if (!context.json) tellError(context, found)
}

/** Until it has ended. Ctrl-C leaves it alone: it was not started by this command. */
export async function watch(context: CliContext, operation: string): Promise<ExitCode> {
  const client = await context.toolstack()
  const stop = new AbortController()
  const forget = context.surroundings.onInterrupt(() => stop.abort())
  const last: Operation | null = await watchOperation(
    context,
    client,
    operation,
    stop.signal,
  ).finally(forget)
  if (last === null || !isEnded(last)) return exitCodes.interrupted
  return exitCodeOfOutcome(last)
}

export async function cancelOperation(context: CliContext, operation: string): Promise<void> {
  const client = await context.toolstack()
  const cancelled = await client.cancelOperation({ params: { operation } })
  context.show(cancelled, ({ id }) => `Operation ${id} is being cancelled.`)
}

export async function limitOperation(
  context: CliContext,
  operation: string,
  bytesPerSecondMax: number | null,
): Promise<void> {
  const client = await context.toolstack()
  const limited = await client.limitOperation({
    params: { operation },
    body: { bytesPerSecondMax },
  })
  context.show(limited, ({ id }) => `Operation ${id} copies ${limitText(bytesPerSecondMax)}.`)
}

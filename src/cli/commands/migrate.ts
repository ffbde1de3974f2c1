import type { ApiClient } from '../../api/client/api-client.ts'
import type { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import type { Preflight } from '../../model/migration.ts'
import { isEnded } from '../../model/operation.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { failureText } from '../views/error-view.ts'
import { checksView, preflightView } from '../views/preflight-view.ts'
import { exitCodeOfOutcome } from './outcome.ts'
import { watchOperation } from './watch-operation.ts'

type Client = ApiClient<typeof toolstackRoutes>

export interface MigrateOptions {
  readonly to: string
  readonly sr?: Record<string, string>
  readonly network?: Record<string, string>
  readonly dryRun?: boolean
  readonly keepSourceDisks?: boolean
  readonly patience?: number
  readonly downtimeLimit?: number
  readonly autoConverge?: boolean
  readonly detach?: boolean
}

export async function migrate(
  context: CliContext,
  vm: string,
  options: MigrateOptions,
): Promise<ExitCode> {
  const client = await context.toolstack()
  const call = {
    params: { vm },
    body: {
      destination: options.to,
      srMap: options.sr ?? {},
      networkMap: options.network ?? {},
      keepSourceDisks: options.keepSourceDisks === true,
      ...(options.patience === undefined ? {} : { patienceMs: options.patience * 1000 }),
      ...memoryTuning(options),
    },
  }
  const preflight = await client.preflight(call)
  if (options.dryRun || !preflight.possible) return showPreflight(context, preflight)
  warn(context, preflight)

  const operation = await client.migrate(call)
  if (options.detach) {
    context.show(
      operation,
      ({ id }) => `Operation ${id}. Watch it with: crosspool operations watch ${id}`,
    )
    return exitCodes.done
  }
  return follow(context, client, operation.id)
}

function memoryTuning({ downtimeLimit, autoConverge }: MigrateOptions) {
  if (downtimeLimit === undefined && !autoConverge) return {}
  const limit = downtimeLimit === undefined ? {} : { downtimeLimitMs: downtimeLimit }
  return { memory: { ...limit, ...(autoConverge ? { autoConverge } : {}) } }
}

function showPreflight(context: CliContext, preflight: Preflight): ExitCode {
  context.show(preflight, preflightView)
  return preflight.possible ? exitCodes.done : exitCodes.preflightFailed
}

function warn(context: CliContext, { checks }: Preflight): void {
  const warnings = checks.filter(({ result }) => result === 'warning')
  if (warnings.length > 0 && !context.json) context.tell(checksView(warnings, context.style))
}

/** The first Ctrl-C cancels the migration, the second one leaves it to the daemon. */
async function follow(context: CliContext, client: Client, operation: string): Promise<ExitCode> {
  const leave = new AbortController()
  let interrupts = 0
  const forget = context.surroundings.onInterrupt(() => {
    interrupts += 1
    if (interrupts === 1) void cancel(context, client, operation)
    else leave.abort()
  })
  const last = await watchOperation(context, client, operation, leave.signal).finally(forget)
  if (last !== null && isEnded(last)) return exitCodeOfOutcome(last)
  context.tell(`The migration goes on. Watch it with: crosspool operations watch ${operation}`)
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

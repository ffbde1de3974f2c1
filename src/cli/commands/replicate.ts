import type { ApiClient } from '../../api/client/api-client.ts'
import type { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import type { KeepMode } from '../../model/replication.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { UsageError } from '../usage-error.ts'
import { scheduleText } from '../views/replica-views.ts'
import { followOperation } from './follow-operation.ts'
import { callOf, type MigrateOptions, showPreflight, warn } from './migrate.ts'

export interface ReplicateOptions extends Omit<MigrateOptions, 'to' | 'keepReplica' | 'keepMode'> {
  readonly to?: string
  /** In milliseconds. */
  readonly every?: number | 'never'
  readonly for?: number | 'ever'
  readonly mode?: KeepMode
}

type Client = ApiClient<typeof toolstackRoutes>

const keptForMs = 7 * 24 * 3_600_000
/** So many refreshes may fail before the replica ends. */
const intervalsKept = 4

/** VM.replicate, once or again and again. */
export async function replicate(
  context: CliContext,
  vm: string,
  options: ReplicateOptions,
): Promise<ExitCode> {
  const { to, every: everyMs, for: keep, mode, ...rest } = options
  const client = await context.toolstack()
  if (everyMs === 'never') return endSchedule(context, client, vm)
  if (to === undefined) throw new UsageError("required option '--to <destination>' not specified")
  const keptMs = Math.max(keptForMs, intervalsKept * (everyMs ?? 0))
  const call = callOf(vm, {
    ...rest,
    to,
    keepReplica: keep ?? keptMs,
    ...(mode ? { keepMode: mode } : {}),
  })
  const preflight = await client.preflight(call)
  if (options.dryRun || !preflight.possible) return showPreflight(context, preflight)
  warn(context, preflight)
  if (everyMs === undefined)
    return followOperation(context, client, await client.replicate(call), options)
  return schedule(context, client, call, everyMs, options)
}

/** The first refresh is shown as any copy; the schedule stays whatever comes of it. */
async function schedule(
  context: CliContext,
  client: Client,
  { params, body }: ReturnType<typeof callOf>,
  everyMs: number,
  options: ReplicateOptions,
): Promise<ExitCode> {
  const { destination, srMap, networkMap, keepReplica = { forMs: null }, bytesPerSecondMax } = body
  const limit = bytesPerSecondMax === undefined ? {} : { bytesPerSecondMax }
  const wish = { destination, srMap, networkMap, keepReplica, everyMs, ...limit }
  const made = await client.putReplicaSchedule({ params, body: wish })
  const text = scheduleText(made)
  if (options.detach || made.operation === null) {
    context.show(made, () => text)
    return exitCodes.done
  }
  context.tell(text)
  const operation = await client.getOperation({ params: { operation: made.operation } })
  return followOperation(context, client, operation, options)
}

async function endSchedule(context: CliContext, client: Client, vm: string): Promise<ExitCode> {
  const ended = await client.getReplicaSchedule({ params: { vm } })
  await client.removeReplicaSchedule({ params: { vm } })
  context.show(
    ended,
    ({ vmName, destination }) =>
      `The replica of ${vmName} at ${destination} is refreshed no more; it stays for as long as it was to be kept.`,
  )
  return exitCodes.done
}

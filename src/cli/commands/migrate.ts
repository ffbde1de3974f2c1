import type { Preflight } from '../../model/migration.ts'
import type { KeepMode } from '../../model/replication.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { checksView, preflightView } from '../views/preflight-view.ts'
import { followOperation } from './follow-operation.ts'

export interface MigrateOptions {
  readonly to: string
  readonly sr?: Record<string, string>
  readonly network?: Record<string, string>
  readonly dryRun?: boolean
  readonly keepSourceDisks?: boolean
  /** In milliseconds. */
  readonly keepReplica?: number | 'ever'
  readonly keepMode?: KeepMode
  readonly patience?: number
  readonly bandwidthLimit?: number | null
  readonly downtimeLimit?: number
  readonly autoConverge?: boolean
  readonly compressMemory?: boolean
  readonly verify?: boolean
  readonly detach?: boolean
}

export async function migrate(
  context: CliContext,
  vm: string,
  options: MigrateOptions,
): Promise<ExitCode> {
  const client = await context.toolstack()
  const call = callOf(vm, options)
  const preflight = await client.preflight(call)
  if (options.dryRun || !preflight.possible) return showPreflight(context, preflight)
  warn(context, preflight)

  const operation = await client.migrate(call)
  return followOperation(context, client, operation, options)
}

/** What the daemon is asked, for a migration and for a replica. */
export function callOf(vm: string, options: MigrateOptions) {
  const { keepReplica: keep, keepMode: mode } = options
  const forMs = keep === 'ever' ? null : keep
  return {
    params: { vm },
    body: {
      destination: options.to,
      srMap: options.sr ?? {},
      networkMap: options.network ?? {},
      keepSourceDisks: options.keepSourceDisks === true,
      ...(forMs === undefined ? {} : { keepReplica: { forMs, ...(mode ? { mode } : {}) } }),
      ...(options.verify ? { verify: true } : {}),
      ...(options.compressMemory ? { compressMemory: true } : {}),
      ...(options.patience === undefined ? {} : { patienceMs: options.patience * 1000 }),
      ...(options.bandwidthLimit ? { bytesPerSecondMax: options.bandwidthLimit } : {}),
      ...memoryTuning(options),
    },
  }
}

function memoryTuning({ downtimeLimit, autoConverge }: MigrateOptions) {
  if (downtimeLimit === undefined && !autoConverge) return {}
  const limit = downtimeLimit === undefined ? {} : { downtimeLimitMs: downtimeLimit }
  return { memory: { ...limit, ...(autoConverge ? { autoConverge } : {}) } }
}

export function showPreflight(context: CliContext, preflight: Preflight): ExitCode {
  context.show(preflight, preflightView)
  return preflight.possible ? exitCodes.done : exitCodes.preflightFailed
}

export function warn(context: CliContext, { checks }: Preflight): void {
  const warnings = checks.filter(({ result }) => result === 'warning')
  if (warnings.length > 0 && !context.json) context.tell(checksView(warnings, context.style))
}

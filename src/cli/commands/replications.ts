import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { replicationLine, replicationsView, replicationView } from '../views/replication-views.ts'
import { findVdi } from './find.ts'

export async function listReplications(context: CliContext): Promise<void> {
  context.show(await (await context.storage()).listReplications(), replicationsView)
}

export async function showReplication(context: CliContext, replication: string): Promise<void> {
  const storage = await context.storage()
  context.show(await storage.getReplication({ params: { replication } }), replicationView)
}

/** VDI.get_replication_target */
export async function makeTarget(
  context: CliContext,
  idOrName: string,
  { scheme }: { readonly scheme?: string[] },
): Promise<void> {
  const storage = await context.storage()
  const { id } = await findVdi(storage, idOrName)
  const body = scheme === undefined ? {} : { schemes: scheme }
  const target = await storage.getReplicationTarget({ params: { vdi: id }, body })
  // The URI alone, so that it can be handed to the source: $(crosspool replications target ...).
  context.show(target, ({ uri }) => uri)
}

/** VDI.replicate_to */
export async function startReplication(
  context: CliContext,
  idOrName: string,
  uri: string,
): Promise<void> {
  const storage = await context.storage()
  const { id } = await findVdi(storage, idOrName)
  context.show(await storage.replicateTo({ params: { vdi: id }, body: { uri } }), replicationView)
}

/** Until it is stopped, or until Ctrl-C, or with `synced` until both sides are the same. */
export async function watchReplication(
  context: CliContext,
  replication: string,
  { untilSynced }: { readonly untilSynced?: boolean },
): Promise<ExitCode> {
  const storage = await context.storage()
  const stop = new AbortController()
  const forget = context.surroundings.onInterrupt(() => stop.abort())
  const live = await context.screen.live()
  try {
    const events = storage.watchReplication({ params: { replication } }, { signal: stop.signal })
    for await (const document of events) {
      if (context.json) context.print(JSON.stringify(document))
      else live.update(replicationLine(document, context.style))
      if (document.state === 'failed') return exitCodes.failed
      if (untilSynced && document.state === 'synced') return exitCodes.done
      if (untilSynced && document.state === 'stopped') return exitCodes.failed
    }
    return exitCodes.done
  } finally {
    live.done()
    forget()
  }
}

export async function stopReplication(
  context: CliContext,
  replication: string,
  { keep }: { readonly keep: 'volume' | 'nothing' },
): Promise<void> {
  const storage = await context.storage()
  const answer = await storage.stopReplication({ params: { replication }, query: { keep } })
  context.show(answer, () => `Replication ${replication} is taken out on this side.`)
}

export async function limitReplication(
  context: CliContext,
  replication: string,
  bytesPerSecondMax: number | null,
): Promise<void> {
  const storage = await context.storage()
  const body = { bytesPerSecondMax }
  const limited = await storage.limitReplication({ params: { replication }, body })
  context.show(limited, replicationView)
}

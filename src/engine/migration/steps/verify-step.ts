import { settleAll } from '../../../lib/settle-all.ts'
import { CrosspoolError } from '../../../model/errors.ts'
import type { Check, DiskPlan, MigrateRequest } from '../../../model/migration.ts'
import type { Replication, Verification } from '../../../model/replication.ts'
import type { StorageManager } from '../../../ports/storage-manager.ts'
import type { ToolstackEnvironment } from '../../environment.ts'
import type { Step } from '../../operation/step.ts'
import type { MigrationContext } from '../memo.ts'

/** Where that was asked for: both sides of every disk are read and compared while the VM runs, before anything is handed over. */
export function verifyDisks({ storage, clock }: ToolstackEnvironment): Step<MigrationContext> {
  return {
    name: 'verify',
    weight: 0,
    async run({ memo, signal }) {
      if (!memo.request.verify) return
      const startedMs = clock.monotonicMs()
      const mirrored = memo.disks.flatMap(({ slot, replication }) =>
        replication === null ? [] : [{ slot, replication }],
      )
      const results = await settleAll(
        mirrored.map(async ({ slot, replication }) => {
          const found = await untilVerified(storage, replication, signal)
          if (found.differentBytes === 0) return found
          const { differentBytes, algorithm } = found
          throw new CrosspoolError('DISKS_DIFFER', { disk: slot, differentBytes, algorithm })
        }),
      )
      memo.verification = {
        algorithm: results[0]?.algorithm ?? 'none',
        comparedBytes: results.reduce((sum, { comparedBytes }) => sum + comparedBytes, 0),
        differentBytes: 0,
        tookMs: Math.round(clock.monotonicMs() - startedMs),
      }
    },
  }
}

/** The source's own check of whether it can be done at all. */
export async function checkVerification(
  { storage }: ToolstackEnvironment,
  request: MigrateRequest,
  disks: readonly DiskPlan[],
): Promise<readonly Check[]> {
  if (!request.verify) return []
  const { verifies, host } = await storage.facts()
  const passed = verifies || disks.every(({ replicated }) => !replicated)
  const [result, code, reason] = passed
    ? (['passed', null, 'both sides of each copied disk will be compared'] as const)
    : (['failed', 'NOT_SUPPORTED', 'its datapath cannot compare both sides of a disk'] as const)
  return [{ name: 'verify', subject: host, result, code, reason }]
}

type Done = Extract<Verification, { state: 'done' }>

/** A storage manager that was started anew has forgotten it, and is asked again. */
function untilVerified(storage: StorageManager, id: string, signal: AbortSignal): Promise<Done> {
  let stop = () => {}
  const verified = new Promise<Done>((resolve, reject) => {
    const fail = (state: string) => reject(new CrosspoolError('REPLICATION_LOST', { id, state }))
    const begin = () => storage.verifyReplication(id).then(() => {}, reject)
    const look = ({ verification, state, reason }: Replication) => {
      if (state === 'failed' || state === 'stopped')
        fail(`${state}: ${reason ?? 'no reason given'}`)
      else if (verification === undefined) void begin()
      else if (verification.state === 'failed') fail(`not compared: ${verification.reason}`)
      else if (verification.state === 'done') resolve(verification)
    }
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const stopWatching = storage.watchReplication(id, look)
    stop = () => {
      stopWatching()
      signal.removeEventListener('abort', onAbort)
    }
    if (signal.aborted) onAbort()
  })
  return verified.finally(() => stop())
}

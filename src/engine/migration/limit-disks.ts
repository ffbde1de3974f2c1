import { settleAll } from '../../lib/settle-all.ts'
import type { StorageManager } from '../../ports/storage-manager.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import type { MigrationMemo } from './memo.ts'
import type { ReceiverLife } from './receiver-lives.ts'
import type { ReceiverRecord } from './receiver-record.ts'

/** DRBD itself takes no less. */
const shareMin = 256 * 1024

/** What each disk may take of the migration's limit; null: as fast as goes. */
export function diskShare({ bytesPerSecondMax, disks }: MigrationMemo): number | null {
  if ((bytesPerSecondMax ?? null) === null) return null
  const copied = disks.filter(({ replicated }) => replicated).length
  return Math.max(shareMin, Math.floor((bytesPerSecondMax ?? 0) / Math.max(1, copied)))
}

/** This side's half; the destination learns of it by the heartbeat. */
export async function limitDisks(storage: StorageManager, memo: MigrationMemo): Promise<void> {
  const share = diskShare(memo)
  await settleAll(
    memo.disks.map(({ replication }) =>
      replication === null ? null : storage.limitReplication(replication, share),
    ),
  )
}

/** The destination's half, beside the heartbeat, which must not wait for it; what fails is tried again at the next beat. */
export async function limitArriving(
  { storage, log }: ToolstackEnvironment,
  { request, disks }: ReceiverRecord,
  live: ReceiverLife | undefined,
  share: number | null,
): Promise<void> {
  if (!live || live.bytesPerSecondMax === share) return
  const before = live.bytesPerSecondMax
  live.bytesPerSecondMax = share
  try {
    await settleAll(
      disks.map(({ replication }) =>
        replication === null ? null : storage.limitReplication(replication, share),
      ),
    )
  } catch (error) {
    if (live.bytesPerSecondMax === share) live.bytesPerSecondMax = before
    log.warn({ operation: request.operation, error }, 'the copying could not be limited')
  }
}

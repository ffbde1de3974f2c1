import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import { isOver, type Relocation } from '../../model/relocation.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import type { OperationKind, Step, StepContext } from '../operation/step.ts'

/** A disk that moves to another SR of this host. */
export interface MoveDiskMemo {
  readonly vdi: string
  readonly fromSr: string
  readonly toSr: string
}

interface MoveDiskLive {
  relocation: Relocation | null
}

/** One step: the storage manager does it, and the VM notices nothing. After a restart it goes on. */
export function moveDisk(
  environment: ToolstackEnvironment,
): OperationKind<MoveDiskMemo, MoveDiskLive> {
  return {
    kind: 'move-disk',
    createLive: () => ({ relocation: null }),
    details: (memo, { relocation }) => ({ ...memo, relocation }),
    steps: [relocate(environment)],
  }
}

function relocate({
  storage,
}: ToolstackEnvironment): Step<StepContext<MoveDiskMemo, MoveDiskLive>> {
  return {
    name: 'relocate',
    weight: 1,
    beginsAgain: true,
    async run({ memo, live, signal, progress }) {
      const { sr } = await storage.relocate(memo.vdi, memo.toSr)
      if (sr === memo.toSr) return
      const onChange = (relocation: Relocation) => {
        live.relocation = relocation
        progress(1 - relocation.leftBytes / relocation.sizeBytes)
      }
      const last = await storage
        .followRelocation(memo.vdi, onChange, signal)
        .catch((error: unknown) => {
          // A storage manager that was started anew has taken back what it had not finished.
          if (isCrosspoolError(error, 'NOT_FOUND')) return null
          throw error
        })
      if (last?.error) throw CrosspoolError.fromDocument(last.error)
      if ((await storage.getVdi(memo.vdi)).sr === memo.toSr) return
      throw new CrosspoolError('COPY_FAILED', { reason: 'the storage manager was restarted' })
    },
    async undo({ memo, live }) {
      if (live.relocation === null || !isOver(live.relocation))
        await storage.cancelRelocation(memo.vdi)
    },
  }
}

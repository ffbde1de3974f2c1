import type { ToolstackEnvironment } from '../environment.ts'
import type { Admission } from '../operation/admission.ts'
import type { OperationKind } from '../operation/step.ts'
import { limitDisks } from './limit-disks.ts'
import {
  createMigrationLive,
  type MigrationLive,
  type MigrationMemo,
  migrationDetails,
} from './memo.ts'
import { adoptDisks, replicateDisks, synchroniseDisks } from './steps/disk-steps.ts'
import { releaseDisks, startThere, takeThere } from './steps/handover-steps.ts'
import { armHandover, sendMemory } from './steps/memory-steps.ts'
import { checkEverything, keepHeartbeat, reserveThere } from './steps/preparation-steps.ts'
import { createMigrationAdmission, waitForRoom } from './steps/queue-step.ts'
import { forgetVm, keepCopies, putDisksAway, takeMirrorsOut } from './steps/settling-steps.ts'
import { verifyDisks } from './steps/verify-step.ts'

/** Up to where both sides have every write. */
function copyDisks(environment: ToolstackEnvironment, admission: Admission) {
  return [
    waitForRoom(environment, admission),
    checkEverything(environment),
    reserveThere(environment),
    keepHeartbeat(environment),
    adoptDisks(environment),
    replicateDisks(environment),
    synchroniseDisks(environment),
  ]
}

/**
 * The migration, top to bottom: the one code path for the same pool and for another, for shared
 * disks, local ones and mixtures. Up to `releaseDisks` a failure is undone backwards and the VM
 * runs on at the source. After it the VM belongs to the destination, unless that refuses for good.
 */
export function migrateVm(
  environment: ToolstackEnvironment,
  admission: Admission = createMigrationAdmission(environment.limits),
): OperationKind<MigrationMemo, MigrationLive> {
  return {
    ...ofCopies(environment),
    kind: 'migrate',
    steps: [
      ...copyDisks(environment, admission),
      verifyDisks(environment),
      armHandover(environment),
      sendMemory(environment),
      releaseDisks(environment),
      takeThere(environment),
      startThere(environment),
      takeMirrorsOut(environment),
      forgetVm(environment),
      putDisksAway(environment),
    ],
  }
}

/** The same up to where both sides have every write; the VM stays, and its disks have replicas there. */
export function replicateVm(
  environment: ToolstackEnvironment,
  admission: Admission,
): OperationKind<MigrationMemo, MigrationLive> {
  return {
    ...ofCopies(environment),
    kind: 'replicate',
    steps: [...copyDisks(environment, admission), keepCopies(environment)],
  }
}

function ofCopies(
  environment: ToolstackEnvironment,
): Omit<OperationKind<MigrationMemo, MigrationLive>, 'kind' | 'steps'> {
  return {
    createLive: createMigrationLive,
    details: (memo, live) => ({ ...migrationDetails(memo, live) }),
    async limit({ memo, save }, { bytesPerSecondMax }) {
      memo.bytesPerSecondMax = bytesPerSecondMax
      await save()
      await limitDisks(environment.storage, memo)
    },
    ended: (_memo, live) => {
      live.leave?.()
      live.heartbeat?.stop()
      for (const stop of live.stopWatching.values()) stop()
    },
  }
}

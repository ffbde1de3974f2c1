import type { Operation } from '../../src/model/operation.ts'
import type { MeasuredMigration } from '../../test/support/measured-migration.ts'

/** Where the demo plays: two pools, and in one of them a VM with two disks that writes all the time. */
export interface Stage {
  /** Moves the VM to the other pool, and proves what became of its writes. */
  move(onChange: (operation: Operation) => void): Promise<MeasuredMigration>
  /** Ends the VM. Answers what is wrong with its disks now. */
  endVm(): Promise<readonly string[]>
  /** Ends what was started for the demo, whatever has happened. */
  close(): Promise<void>
}

export type OpenStage = (tell: (line: string) => void) => Promise<Stage>

import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import { isEnded, type Operation } from '../../src/model/operation.ts'
import type { MeasuredMigration } from '../../test/support/measured-migration.ts'

/** One line for each step, and now and then one for what takes long. */
export function progressTeller(tell: (line: string) => void): (operation: Operation) => void {
  let told = ''
  return (operation) => {
    const { disks, memory } = migrationDetailsSchema.parse(operation.details)
    const step = operation.steps.find(({ state }) => state === 'running')?.name
    if (isEnded(operation) || !step) return
    const parts = {
      synchronise: disks
        .map(
          (disk) =>
            `${disk.slot} ${disk.state === 'waiting' || disk.state === 'connecting' ? disk.state : percent(disk.sizeBytes - disk.outOfSyncBytes, disk.sizeBytes)}`,
        )
        .join(', '),
      memory: percent(memory.sentBytes, memory.totalBytes),
    }
    const line = `      ${step} ${step === 'synchronise' || step === 'memory' ? parts[step] : ''}`
    if (line !== told) tell(line)
    told = line
  }
}

/** In steps of a quarter, so that lines stay few. */
function percent(part: number, whole: number): string {
  return `${whole === 0 ? 0 : Math.max(0, Math.floor((4 * part) / whole) * 25)} %`
}

export function verdictLine({ report, verdict }: MeasuredMigration): string {
  const { downtimeMs, handoverMs, totalMs, bytesReplicated } = report
  const seconds = (ms: number) =>
    ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`
  const figures = `silent for ${seconds(downtimeMs)} as seen from outside, of which the disks took ${seconds(handoverMs)}; ${(bytesReplicated / MiB).toFixed(0)} MiB replicated, ${seconds(totalMs)} in all`
  const proof = `${report.acknowledgedWritesLost} acknowledged writes lost, ${report.guestIoErrors} I/O errors`
  return [
    `it runs on ${report.to.host}: ${figures}`,
    `      ${proof}`,
    ...verdict.problems.map((problem) => `      PROBLEM: ${problem}`),
  ].join('\n')
}

import type { MigrationDetails } from '../../model/migration.ts'
import { outOfSyncOf } from './migration.ts'

/** What the plots are made of: one row for each time that the operation told of itself. */
export interface Sample {
  readonly atMs: number
  /** By slot of the disk. */
  readonly diskRates: Readonly<Record<string, number>>
  readonly outOfSyncBytes: number
  readonly memoryRate: number | null
}

const samplesMax = 1_200

export function addSample(
  samples: readonly Sample[],
  details: MigrationDetails,
  atMs: number,
  step: string | undefined,
): readonly Sample[] {
  const disks = details.disks.filter(({ replicated }) => replicated)
  const sample: Sample = {
    atMs,
    diskRates: Object.fromEntries(disks.map(({ slot, bytesPerSecond }) => [slot, bytesPerSecond])),
    outOfSyncBytes: disks.reduce((sum, disk) => sum + outOfSyncOf(disk), 0),
    memoryRate: step === 'memory' ? details.memory.bytesPerSecond : null,
  }
  // A long migration is thinned out, not cut off: its whole course is the picture.
  const kept = samples.length < samplesMax ? samples : samples.filter((_, index) => index % 2 === 0)
  return [...kept, sample]
}

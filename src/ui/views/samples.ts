import type { MigrationDetails } from '../../model/migration.ts'
import { outOfSyncOf } from './migration.ts'

/** What the plots are made of: one row for each time that the operation told of itself. */
export interface Sample {
  readonly atMs: number
  /** By slot of the disk. */
  readonly diskRates: Readonly<Record<string, number>>
  /** By slot; null where the guest has written nothing since the last one. */
  readonly writeLatenciesUs: Readonly<Record<string, number | null>>
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
    writeLatenciesUs: Object.fromEntries(
      details.disks.map(({ slot, writeLatency }) => [slot, writeLatency.nowUs]),
    ),
    outOfSyncBytes: disks.reduce((sum, disk) => sum + outOfSyncOf(disk), 0),
    memoryRate: step === 'memory' ? details.memory.bytesPerSecond : null,
  }
  // A long migration is thinned out, not cut off: its whole course is the picture.
  const kept = samples.length < samplesMax ? samples : samples.filter((_, index) => index % 2 === 0)
  return [...kept, sample]
}

export interface Line {
  readonly label: string
  /** One for each sample; null leaves a gap. */
  readonly values: readonly (number | null)[]
}

/** How fast each disk and the memory went across; what has not begun has no line. */
export function rateLines(samples: readonly Sample[]): readonly Line[] {
  const slots = Object.keys(samples.at(-1)?.diskRates ?? {})
  return [
    ...slots.map((slot) => ({
      label: slot,
      values: samples.map(({ diskRates }) => diskRates[slot] ?? null),
    })),
    { label: 'memory', values: samples.map(({ memoryRate }) => memoryRate) },
  ].filter(({ values }) => values.some((value) => value !== null))
}

/** How long the guest waited for its writes, by disk; none where the hypervisor does not say. */
export function latencyLines(samples: readonly Sample[]): readonly Line[] {
  const slots = Object.keys(samples.at(-1)?.writeLatenciesUs ?? {})
  return slots
    .map((slot) => ({
      label: slot,
      values: samples.map(({ writeLatenciesUs }) => writeLatenciesUs[slot] ?? null),
    }))
    .filter(({ values }) => values.some((value) => value !== null))
}

import { MiB } from '../../src/lib/units.ts'
import type { Sample } from './measure-contender.ts'

export interface MovePlan {
  readonly sizeBytes: number
  readonly allocatedMebibytes: readonly number[]
  readonly repeats: number
}

/** For who watches. */
export function lineOf(sample: Sample, repeat: number): string {
  const { contender, direction, allocatedBytes, totalMs, copy, blackoutMs } = sample
  const mebibytes = Math.round(allocatedBytes / MiB)
  const ms = [totalMs, copy?.ms ?? 0, copy?.rawMs ?? 0, blackoutMs].map((one) => Math.round(one))
  return `${contender} ${direction}, ${mebibytes} MiB, ${repeat}: total ${ms[0]} ms, copy ${ms[1]} (raw ${ms[2]}), blackout ${ms[3]}`
}

import { cpus, loadavg, release, totalmem } from 'node:os'
import type { Sample } from '../measure-contender.ts'
import { goalsOf, type Metric } from '../metric.ts'

/** All that was measured. */
export interface BenchDocument {
  readonly lab: 'qemu' | 'xen'
  readonly takenAt: string
  readonly machine: {
    readonly cpus: number
    readonly cpuModel: string
    readonly memoryBytes: number
    readonly kernel: string
    /** Of one minute: how many wanted a CPU. More than there are CPUs, and times say little. */
    readonly loadBefore: number
    readonly loadAfter: number
  }
  readonly link: { readonly bitsPerSecond: number | null }
  readonly metrics: readonly Metric[]
  /** The single runs that the metrics are the medians of. */
  readonly samples: readonly Sample[]
}

export function machineFacts(loadBefore: number): BenchDocument['machine'] {
  const all = cpus()
  return {
    ...{ cpus: all.length, cpuModel: all[0]?.model.trim() ?? '', memoryBytes: totalmem() },
    ...{ kernel: release(), loadBefore, loadAfter: currentLoad() },
  }
}

export const currentLoad = (): number => Number((loadavg()[0] ?? 0).toFixed(2))

/** What scripts outside of this repository read, in one line: see `npm run bench -- --json`. */
export function documentLine(document: BenchDocument): string {
  return JSON.stringify({ ...document, goals: goalsOf(document.metrics) })
}

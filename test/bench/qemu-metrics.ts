import { MiB } from '../../src/lib/units.ts'
import type { Sample } from './measure-contender.ts'
import { type Metric, metric } from './metric.ts'
import { median } from './statistics.ts'

const goals = {
  blackoutRatio: { atMost: 1.05 },
  throughputRatio: { atLeast: 0.9 },
  bytesRatio: { atMost: 1.05 },
  // "As before", as far as a shared machine can tell.
  latencyRatio: { atMost: 1.1 },
  backRatio: { atMost: 0.05 },
}

const latencyPhases = ['before', 'copying', 'inSync', 'after'] as const

/** All figures of the moves in QEMU; goals are Crosspool's alone. Ratios are medians of the ratios of single runs. */
export function qemuMetrics(samples: readonly Sample[]): readonly Metric[] {
  const contenders = [...new Set(samples.map(({ contender }) => contender))]
  return [...contenders.flatMap((name) => metricsOf(name, samples)), ...comparisons(samples)]
}

export const ofContender = (samples: readonly Sample[], name: string): readonly Sample[] =>
  samples.filter(({ contender }) => contender === name)

function metricsOf(name: string, samples: readonly Sample[]): readonly Metric[] {
  const own = ofContender(samples, name)
  const there = own.filter(({ direction }) => direction === 'there')
  const isOurs = name === 'crosspool'
  const goal = (of: keyof typeof goals) => (isOurs ? goals[of] : undefined)
  const of = (values: readonly Sample[], figure: (sample: Sample) => number) =>
    median(values.map(figure))
  const prefix = `qemu.${name}`
  return [
    metric(
      `${prefix}.blackout`,
      of(own, ({ blackoutMs }) => blackoutMs),
      'ms',
    ),
    metric(
      `${prefix}.handoverShare`,
      of(own, (one) => one.handoverMs / one.blackoutMs),
      'ratio',
    ),
    ...sizesOf(there).map((bytes) => {
      const same = there.filter(({ allocatedBytes }) => allocatedBytes === bytes)
      const size = `${Math.round(bytes / MiB)}MiB`
      return metric(
        `${prefix}.totalTime.${size}`,
        of(same, ({ totalMs }) => totalMs),
        'ms',
      )
    }),
    metric(
      `${prefix}.syncThroughputOfRawCopy`,
      of(largest(own), (one) => one.rawCopyMs / one.syncMs),
      ...(['ratio', goal('throughputRatio')] as const),
    ),
    metric(
      `${prefix}.bytesSentOfAllocated`,
      of(largest(own), (one) => one.diskBytes / one.allocatedBytes),
      ...(['ratio', goal('bytesRatio')] as const),
    ),
    ...latencyPhases.flatMap((phase) =>
      (['p50', 'p99'] as const).map((part) =>
        metric(
          `${prefix}.writeLatency.${phase}.${part}`,
          of(own, ({ writeLatencyUs }) => writeLatencyUs[phase][part]),
          'us',
        ),
      ),
    ),
    ...(['p50', 'p99'] as const).map((part) =>
      metric(
        `${prefix}.writeLatency.afterOfBefore.${part}`,
        of(own, ({ writeLatencyUs: { after, before } }) => after[part] / before[part]),
        ...(['ratio', goal('latencyRatio')] as const),
      ),
    ),
    metric(`${prefix}.migrateBackOfFirst`, backRatio(own), 'ratio', goal('backRatio')),
  ]
}

function comparisons(samples: readonly Sample[]): readonly Metric[] {
  const figures = {
    blackout: (one: Sample) => one.blackoutMs,
    totalTime: (one: Sample) => one.totalMs,
  }
  const peers = ['libvirt', 'plain-qemu'].filter((name) => ofContender(samples, name).length > 0)
  return peers.flatMap((peer) =>
    Object.entries(figures).map(([name, figure]) => {
      const [ours, theirs] = ['crosspool', peer].map((who) =>
        median(ofContender(samples, who).map(figure)),
      )
      const goal = name === 'blackout' ? goals.blackoutRatio : undefined
      return metric(`qemu.${name}.crosspoolOf.${peer}`, (ours ?? 0) / (theirs ?? 1), 'ratio', goal)
    }),
  )
}

export const sizesOf = (samples: readonly Sample[]): readonly number[] =>
  [...new Set(samples.map(({ allocatedBytes }) => allocatedBytes))].sort((a, b) => a - b)

/** What begins and ends a copy weighs least there. */
function largest(samples: readonly Sample[]): readonly Sample[] {
  const most = sizesOf(samples).at(-1)
  return samples.filter(({ allocatedBytes }) => allocatedBytes === most)
}

function backRatio(samples: readonly Sample[]): number {
  const totals = (direction: Sample['direction']) =>
    median(
      largest(samples)
        .filter((one) => one.direction === direction)
        .map(({ totalMs }) => totalMs),
    )
  return totals('back') / totals('there')
}

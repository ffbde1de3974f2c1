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

const us = 'crosspool'
const percentiles = ['p50', 'p99'] as const
const latencyPhases = ['before', 'copying', 'inSync', 'after'] as const

/** All figures of the moves in a lab; goals are Crosspool's alone. Ratios are medians of the ratios of single runs. */
export function moveMetrics(lab: string, samples: readonly Sample[]): readonly Metric[] {
  const contenders = [...new Set(samples.map(({ contender }) => contender))]
  return [
    ...contenders.flatMap((name) => metricsOf(lab, name, samples)),
    ...comparisons(lab, samples),
  ]
}

const ofContender = (samples: readonly Sample[], name: string): readonly Sample[] =>
  samples.filter(({ contender }) => contender === name)

function metricsOf(lab: string, name: string, samples: readonly Sample[]): readonly Metric[] {
  const own = ofContender(samples, name)
  const goal = (of: keyof typeof goals) => (name === us ? goals[of] : undefined)
  const of = (figure: (sample: Sample) => number, samples = own) => median(samples.map(figure))
  const prefix = `${lab}.${name}`
  const ratio = (what: string, value: number, of?: keyof typeof goals) =>
    metric(`${prefix}.${what}`, value, 'ratio', of && goal(of))
  return [
    metric(`${prefix}.blackout`, of(blackoutMs), 'ms'),
    ratio(
      'handoverShare',
      of((one) => one.handoverMs / one.blackoutMs),
    ),
    ...totalTimes(prefix, own),
    ...copies(own).flatMap(({ throughput, sent }) => [
      ratio('syncThroughputOfRawCopy', throughput, 'throughputRatio'),
      ratio('bytesSentOfAllocated', sent, 'bytesRatio'),
    ]),
    ...latencyPhases.flatMap((phase) =>
      percentiles.flatMap((part) => {
        const seen = phase === 'copying' || phase === 'inSync' ? own.filter(isThere) : own
        const value = of(({ writeLatencyUs }) => writeLatencyUs[phase][part], seen)
        // Who copies no disk has no such phase.
        return value > 0 ? [metric(`${prefix}.writeLatency.${phase}.${part}`, value, 'us')] : []
      }),
    ),
    ...percentiles.map((part) => {
      const value = of(({ writeLatencyUs: { after, before } }) => after[part] / before[part])
      return ratio(`writeLatency.afterOfBefore.${part}`, value, 'latencyRatio')
    }),
    ratio('migrateBackOfFirst', backRatio(own), 'backRatio'),
  ]
}

const blackoutMs = (sample: Sample): number => sample.blackoutMs
const totalMs = (sample: Sample): number => sample.totalMs
/** The way back may send only what differs, which says nothing of how a disk is copied. */
const isThere = ({ direction }: Sample): boolean => direction === 'there'

function totalTimes(prefix: string, samples: readonly Sample[]): readonly Metric[] {
  const there = samples.filter(isThere)
  return sizesOf(there).map((bytes) => {
    const same = there.filter(({ allocatedBytes }) => allocatedBytes === bytes)
    const size = `${Math.round(bytes / MiB)}MiB`
    return metric(`${prefix}.totalTime.${size}`, median(same.map(totalMs)), 'ms')
  })
}

/** Of the largest disk, since what begins and ends a copy weighs least there. None where nothing is copied. */
function copies(samples: readonly Sample[]) {
  const all = largest(samples.filter(isThere)).flatMap(({ copy, allocatedBytes }) =>
    copy ? [{ throughput: copy.rawMs / copy.ms, sent: copy.sentBytes / allocatedBytes }] : [],
  )
  if (all.length === 0) return []
  const throughput = median(all.map((one) => one.throughput))
  return [{ throughput, sent: median(all.map(({ sent }) => sent)) }]
}

/** Of Crosspool to each of the others. */
function comparisons(lab: string, samples: readonly Sample[]): readonly Metric[] {
  const peers = new Set(samples.map(({ contender }) => contender).filter((name) => name !== us))
  return [...peers].flatMap((peer) => {
    const compare = (figure: (sample: Sample) => number, all = samples) =>
      median(ofContender(all, us).map(figure)) / median(ofContender(all, peer).map(figure))
    const name = (what: string) => `${lab}.${what}.crosspoolOf.${peer}`
    return [
      metric(name('blackout'), compare(blackoutMs), 'ratio', goals.blackoutRatio),
      metric(name('totalTime'), compare(totalMs, samples.filter(isThere)), 'ratio'),
    ]
  })
}

export const sizesOf = (samples: readonly Sample[]): readonly number[] =>
  [...new Set(samples.map(({ allocatedBytes }) => allocatedBytes))].sort((a, b) => a - b)

function largest(samples: readonly Sample[]): readonly Sample[] {
  const most = sizesOf(samples).at(-1)
  return samples.filter(({ allocatedBytes }) => allocatedBytes === most)
}

function backRatio(samples: readonly Sample[]): number {
  const totals = (direction: Sample['direction']) =>
    median(
      largest(samples)
        .filter((one) => one.direction === direction)
        .map(totalMs),
    )
  return totals('back') / totals('there')
}

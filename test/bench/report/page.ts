import { markdownTable } from '../../../scripts/markdown-table.ts'
import { MiB } from '../../../src/lib/units.ts'
import type { Segment } from '../blackout.ts'
import type { Sample } from '../measure-contender.ts'
import type { Metric } from '../metric.ts'
import { sizesOf } from '../move-metrics.ts'
import { median } from '../statistics.ts'
import type { BenchDocument } from './document.ts'
import { type Bar, linePlot, stackedBars } from './plots.ts'
import { whyNot } from './why-not.ts'

const head = ['metric', 'value', 'unit', 'goal', 'met']

/** The files of the report by their names; the page names the pictures. */
export function reportFiles(document: BenchDocument): Readonly<Record<string, string>> {
  const { lab, samples } = document
  const there = samples.filter(({ direction }) => direction === 'there')
  const pictures = {
    [`${lab}-blackout.svg`]: stackedBars({
      ...{ title: 'The blackout, from the last sign of the guest to the next', unit: 'ms' },
      bars: bars(samples, ({ blackout }) => renamed(blackout, afterwards)),
    }),
    [`${lab}-migration.svg`]: stackedBars({
      ...{ title: 'A whole migration of the largest disk', unit: 'ms' },
      bars: bars(ofLargest(there), ({ total }) => renamed(total, kinds)),
    }),
    [`${lab}-total-time.svg`]: linePlot({
      ...{ title: 'Total time and allocated bytes', xLabel: 'MiB on the disk', yLabel: 'ms' },
      lines: contendersOf(there).map((name) => ({ name, points: pointsOf(there, name) })),
    }),
  }
  return {
    [`${lab}.md`]: page(document, Object.keys(pictures)),
    [`${lab}.json`]: `${JSON.stringify(document, null, 2)}\n`,
    ...pictures,
  }
}

function page(document: BenchDocument, pictures: readonly string[]): string {
  const { lab, takenAt, machine, link, metrics } = document
  const missed = metrics.filter(({ met }) => met === false)
  const speed = link.bitsPerSecond === null ? 'unlimited' : `${link.bitsPerSecond / 1e6} Mbit/s`
  return `# Benchmarks: ${lab}

Written by \`npm run bench${lab === 'xen' ? ' -- --lab xen' : ' --'} --write\`; not to be edited. What the names mean, and how it is measured, stands in
[README.md](README.md); each single run is in [${lab}.json](${lab}.json).

Taken ${takenAt.slice(0, 16).replace('T', ' ')} UTC on ${machine.cpus} CPUs (${machine.cpuModel}), link ${speed}; ${machine.loadBefore} processes
wanted a CPU before it, ${machine.loadAfter} after it.${loadWarning(machine)}

${pictures.map((name) => `![${name}](${name})`).join('\n\n')}

${markdownTable([head, ...metrics.map(rowOf)])}

## Goals that are missed

${missed.length === 0 ? 'None.' : missed.map(({ name }) => `- \`${name}\`: ${whyNot(name)}`).join('\n')}
`
}

/** Asked before it began: what runs during it is its own load. */
function loadWarning({ loadBefore, cpus }: BenchDocument['machine']): string {
  if (loadBefore < cpus / 2) return ''
  return ' **Others used this machine at the same time: do not believe the figures beyond their order.**'
}

function rowOf({ name, value, unit, goal = '', met }: Metric): readonly string[] {
  const verdict = met === undefined ? '' : met ? 'yes' : 'no'
  return [`\`${name}\``, String(value), unit, goal, verdict]
}

export const contendersOf = (samples: readonly Sample[]): readonly string[] => [
  ...new Set(samples.map(({ contender }) => contender)),
]

function ofLargest(samples: readonly Sample[]): readonly Sample[] {
  const most = sizesOf(samples).at(-1)
  return samples.filter(({ allocatedBytes }) => allocatedBytes === most)
}

/** The same in the same words; and when it runs, nobody has heard it yet. */
const afterwards = { run: 'start', unmirror: 'after', forget: 'after', 'put-away': 'after' }

/** What each step is for, in the same words for all contenders. */
const kinds = {
  ...named('prepare', ['queue', 'check', 'reserve', 'heartbeat', 'adopt', 'launch']),
  ...named('copy disk', ['replicate', 'synchronise', 'copy']),
  ...named('send memory', ['arm', 'memory']),
  ...named('hand over', ['release', 'take', 'start', 'take the mirror out', 'device state']),
  ...named('hand over', ['end the export', 'run']),
  ...named('tidy up', ['unmirror', 'forget', 'put-away', 'after']),
}

function named(kind: string, steps: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(steps.map((step) => [step, kind]))
}

/** Under other names; what has the same name then is one part. */
function renamed(
  segments: readonly Segment[],
  names: Readonly<Record<string, string>>,
): readonly Segment[] {
  const sums = new Map<string, number>()
  for (const { name, ms } of segments) {
    const other = names[name] ?? name
    sums.set(other, (sums.get(other) ?? 0) + ms)
  }
  return [...sums].map(([name, ms]) => ({ name, ms }))
}

/** The median of each part. The parts' medians need not add up to the median of the whole. */
function bars(
  samples: readonly Sample[],
  parts: (sample: Sample) => readonly Segment[],
): readonly Bar[] {
  return contendersOf(samples).map((name) => {
    const own = samples.filter(({ contender }) => contender === name).map(parts)
    const names = [...new Set(own.flatMap((segments) => segments.map((segment) => segment.name)))]
    const lengthOf = (part: string) =>
      median(own.map((segments) => segments.find((segment) => segment.name === part)?.ms ?? 0))
    return { name, segments: names.map((part) => ({ name: part, value: lengthOf(part) })) }
  })
}

function pointsOf(samples: readonly Sample[], name: string) {
  const own = samples.filter(({ contender }) => contender === name)
  return sizesOf(own).map((bytes) => ({
    x: Math.round(bytes / MiB),
    y: median(
      own.filter(({ allocatedBytes }) => allocatedBytes === bytes).map(({ totalMs }) => totalMs),
    ),
  }))
}

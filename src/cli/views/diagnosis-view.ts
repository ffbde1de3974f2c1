import type { Diagnosis, Finding } from '../../model/diagnosis.ts'
import { cut } from './fit.ts'
import { plural } from './quantities.ts'
import type { Style, StyleName } from './style.ts'
import { table } from './table.ts'

const marks: Readonly<Record<Finding['result'], readonly [string, StyleName]>> = {
  passed: ['ok', 'green'],
  warning: ['warn', 'yellow'],
  failed: ['fail', 'red'],
}

/** Every check as a row, cut to `width`; then whole, with how to mend it, what is not as it should be. */
export function diagnosisView(
  { findings, host, version }: Diagnosis,
  style: Style,
  width: number | null,
): string {
  const longest = (of: (finding: Finding) => string) =>
    Math.max(...findings.map((finding) => of(finding).length), 6)
  const before = 6 + longest(({ area }) => area) + 2 + longest(({ name }) => name) + 2
  const seenWidth = width === null ? null : Math.max(width - before, 20)
  const rows = table(
    findings,
    [
      { title: '', cell: ({ result }) => ({ text: marks[result][0], style: marks[result][1] }) },
      { title: 'AREA', cell: ({ area }) => area },
      { title: 'WHAT', cell: ({ name }) => name },
      { title: 'SEEN', cell: ({ seen }) => cut(seen, seenWidth) },
    ],
    'Nothing to look at.',
    style,
  )
  const bad = findings.filter(({ advice }) => advice !== null)
  const mends = bad.map(({ result, area, name, seen, advice }) => {
    const [mark, colour] = marks[result]
    return `${style(colour, mark)}  ${style('bold', `${area}: ${name}`)}  ${seen}\n      ${advice}`
  })
  return [rows, ...mends, summary(findings, host, version)].join('\n\n')
}

function summary(findings: readonly Finding[], host: string, version: string): string {
  const count = (wanted: Finding['result']) =>
    findings.filter(({ result }) => result === wanted).length
  const [bad, doubtful] = [count('failed'), count('warning')]
  const verdict =
    bad > 0 ? `${bad} failed, ${plural(doubtful, 'warning')}` : plural(doubtful, 'warning')
  return `${host}, Crosspool ${version}: ${verdict}, ${count('passed')} ok`
}

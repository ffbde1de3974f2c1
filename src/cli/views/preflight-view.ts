import type { Check, Preflight } from '../../model/migration.ts'
import { bytes, plural } from './quantities.ts'
import type { Style, StyleName } from './style.ts'
import { table } from './table.ts'

const results: Readonly<Record<Check['result'], readonly [string, StyleName]>> = {
  passed: ['passed', 'green'],
  warning: ['warning', 'yellow'],
  failed: ['FAILED', 'red'],
}

/** Every check with its reason, then how each disk and interface would get across. */
export function preflightView(preflight: Preflight, style: Style): string {
  return [
    checksView(preflight.checks, style),
    '',
    ...plans(preflight, style),
    verdict(preflight, style),
  ].join('\n')
}

export function checksView(checks: readonly Check[], style: Style): string {
  return table(
    checks,
    [
      {
        title: 'RESULT',
        cell: ({ result }) => ({ text: results[result][0], style: results[result][1] }),
      },
      { title: 'CHECK', cell: ({ name }) => name },
      { title: 'OF', cell: ({ subject }) => subject },
      { title: 'REASON', cell: ({ reason }) => reason },
    ],
    'No checks were made.',
    style,
  )
}

function plans({ disks, interfaces }: Preflight, style: Style): string[] {
  if (disks.length + interfaces.length === 0) return []
  const lines = [
    ...disks.map(({ slot, sizeBytes, sourceSr, sr, replicated }) => {
      const way = replicated ? `${sourceSr} → ${sr}` : `stays on ${sr}, which both hosts reach`
      return `disk ${style('bold', slot)}  ${bytes(sizeBytes)}  ${way}`
    }),
    ...interfaces.map(({ slot, mac, network }) => {
      return `interface ${style('bold', slot)}  ${mac}  → ${network}`
    }),
  ]
  return [...lines, '']
}

function verdict({ possible, checks }: Preflight, style: Style): string {
  const count = (result: Check['result']) =>
    checks.filter((check) => check.result === result).length
  const warnings = count('warning')
  if (!possible)
    return style('red', `The VM cannot be migrated: ${plural(count('failed'), 'failed check')}.`)
  const aside = warnings === 0 ? '' : `, with ${plural(warnings, 'warning')}`
  return style('green', `The VM can be migrated${aside}.`)
}

import { plural } from '../../lib/quantities.ts'
import type { Check, Preflight } from '../../model/migration.ts'
import { checkTones } from '../views/tones.ts'
import { Badge } from './badge.tsx'
import { DataTable } from './data-table.tsx'

const order = { failed: 0, warning: 1, passed: 2 } as const

/** Every check with its reason; those that stand in the way first. */
export function PreflightTable({ checks }: { checks: readonly Check[] }) {
  return (
    <DataTable
      caption="Checks of both sides"
      rows={[...checks].sort((a, b) => order[a.result] - order[b.result])}
      keyOf={({ name, subject }) => `${name} ${subject}`}
      empty="No checks were made."
      columns={[
        { title: 'Check', cell: ({ name }) => name },
        {
          title: 'Result',
          cell: ({ result }) => <Badge tone={checkTones[result]} text={result} />,
        },
        { title: 'Of', cell: ({ subject }) => subject },
        { title: 'Reason', cell: ({ reason }) => reason },
      ]}
    />
  )
}

/** `participle`: what is to be done to the VM. */
export function verdictOf({ possible, checks }: Preflight, participle: string): string {
  const count = (result: Check['result']) =>
    checks.filter((check) => check.result === result).length
  if (!possible) return `It cannot be ${participle} so: ${plural(count('failed'), 'failed check')}.`
  const warnings = count('warning')
  return `It can be ${participle}: ${plural(count('passed'), 'check')} passed${warnings === 0 ? '' : `, ${plural(warnings, 'warning')}`}.`
}

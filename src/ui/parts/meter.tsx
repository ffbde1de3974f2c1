import { percent } from '../../lib/quantities.ts'
import type { Tone } from '../views/tones.ts'

interface MeterProps {
  readonly fraction: number
  readonly label: string
  readonly tone?: Tone
}

export function Meter({ fraction, label, tone = 'busy' }: MeterProps) {
  const part = Math.min(1, Math.max(0, fraction))
  return (
    <span class={`meter ${tone}`} role="img" aria-label={`${label}: ${percent(part)}`}>
      <span style={{ width: `${part * 100}%` }} />
    </span>
  )
}

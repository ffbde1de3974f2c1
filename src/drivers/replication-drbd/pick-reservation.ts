import { CrosspoolError } from '../../model/errors.ts'
import type { UsedNumbers } from './parse-used-numbers.ts'

export interface NumberRange {
  readonly from: number
  readonly to: number
}

/** @throws NO_FREE_MINOR, NO_FREE_PORT */
export function pickNumbers(
  ranges: { readonly minors: NumberRange; readonly ports: NumberRange },
  used: UsedNumbers,
): { minor: number; port: number } {
  const minor = firstFree(ranges.minors, used.minors)
  if (minor === null) throw new CrosspoolError('NO_FREE_MINOR', { ...ranges.minors })
  const port = firstFree(ranges.ports, used.ports)
  if (port === null) throw new CrosspoolError('NO_FREE_PORT', { ...ranges.ports })
  return { minor, port }
}

function firstFree({ from, to }: NumberRange, used: ReadonlySet<number>): number | null {
  for (let number = from; number <= to; number += 1) if (!used.has(number)) return number
  return null
}

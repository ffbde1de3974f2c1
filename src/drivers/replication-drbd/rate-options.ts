import { KiB } from '../../lib/units.ts'
import type { OptionSection } from './options.ts'

/** The options of DRBD's resync controller that bound its speed. */
const rateKeys = ['resync-rate', 'c-max-rate', 'c-min-rate'] as const
export type RateOptions = Readonly<Record<(typeof rateKeys)[number], string | number>>

/**
 * Below `c-min-rate` the controller does not give way to the guest, above `c-max-rate` it does not
 * go, and `resync-rate` is where it begins: a limit bounds all three. Null: what is usual.
 */
export function rateOptions(usual: OptionSection, bytesPerSecondMax: number | null): RateOptions {
  const bounded = (key: (typeof rateKeys)[number]) => {
    const rate = String(usual[key])
    if (bytesPerSecondMax === null || bytesOf(rate) <= bytesPerSecondMax) return rate
    return `${Math.floor(bytesPerSecondMax / KiB)}k`
  }
  return {
    'resync-rate': bounded('resync-rate'),
    'c-max-rate': bounded('c-max-rate'),
    'c-min-rate': bounded('c-min-rate'),
  }
}

const multipliers: Readonly<Record<string, number>> = {
  ...{ s: 512, k: KiB, m: KiB ** 2, g: KiB ** 3 },
}

/** As drbdsetup reads a rate: KiB unless a unit is named. */
function bytesOf(rate: string): number {
  const [, count, unit = 'k'] = /^(\d+)([skmg])?$/i.exec(rate) ?? []
  return Number(count) * (multipliers[unit.toLowerCase()] ?? Number.NaN)
}

import { type Fate, safeArrival } from './network.ts'
import type { NetworkQuality } from './scenario.ts'
import type { SeededRandom } from './seeded-random.ts'

/** What the seed makes of each request. */
export function createFateDealer(
  quality: NetworkQuality,
  random: SeededRandom,
): (call: { readonly hosts: readonly [string, string] }, isArmed: boolean) => Fate {
  const { lost, delayed, repeated } = quality
  const isPerfect = lost + delayed + repeated === 0

  return ({ hosts: [from, to] }, isArmed) => {
    if (isPerfect || !isArmed) return safeArrival
    if (from === to) return fateWithinHost(lost, random)
    const delay = () => (random.chance(delayed) ? delayMs(random) : random.below(3))
    return {
      lost: random.chance(lost) ? random.pick(['request', 'answer']) : null,
      isReset: random.chance(0.7),
      requestDelayMs: delay(),
      answerDelayMs: delay(),
      againAfterMs: random.chance(repeated) ? delayMs(random) : null,
    }
  }
}

/** Between xapi and sm a connection may break; nothing repeats a request or brings one late. */
function fateWithinHost(lost: number, random: SeededRandom): Fate {
  return {
    ...safeArrival,
    lost: random.chance(lost) ? random.pick(['request', 'answer']) : null,
    isReset: random.chance(0.7),
    answerDelayMs: random.below(3),
  }
}

/** Mostly short; sometimes longer than the one who asks will wait. */
function delayMs(random: SeededRandom): number {
  return random.chance(0.8) ? random.below(500) : random.below(150_000)
}

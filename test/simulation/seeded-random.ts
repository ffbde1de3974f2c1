import type { Random } from '../../src/ports/clock.ts'

/** Chance that a seed decides: the same seed answers the same for ever. */
export interface SeededRandom extends Random {
  /** At least 0 and less than 1. */
  fraction(): number
  /** A whole number, at least 0 and less than `limit`. */
  below(limit: number): number
  chance(probability: number): boolean
  pick<T>(choices: readonly [T, ...T[]]): T
  /** Chance of its own for one purpose, so that more use of one changes nothing for the others. */
  fork(purpose: string): SeededRandom
}

export function createSeededRandom(seed: string): SeededRandom {
  let state = hash(seed)

  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const fraction = () => next() / 2 ** 32
  const below = (limit: number) => Math.floor(fraction() * limit)
  const hex = (bytes: number) =>
    Array.from({ length: bytes }, () => below(256).toString(16).padStart(2, '0')).join('')

  return {
    fraction,
    below,
    hex,
    chance: (probability) => fraction() < probability,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    fork: (purpose) => createSeededRandom(`${seed}/${purpose}`),
    uuid: () => `${hex(4)}-${hex(2)}-4${hex(2).slice(1)}-a${hex(2).slice(1)}-${hex(6)}`,
  }
}

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}

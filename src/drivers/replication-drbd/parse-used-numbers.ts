export interface UsedNumbers {
  readonly minors: ReadonlySet<number>
  readonly ports: ReadonlySet<number>
}

/** Minors and ports in a configuration, as `drbdadm dump`, `drbdsetup show` and people write them. */
export function parseConfiguredNumbers(text: string): UsedNumbers {
  const withoutComments = text.replace(/#.*$/gm, '')
  return {
    minors: new Set([
      ...numbers(withoutComments, /\bminor\s+(\d+)/g),
      ...numbers(withoutComments, /\/dev\/drbd(\d+)\b/g),
    ]),
    ports: new Set(numbers(withoutComments, /[\d\]]:(\d{1,5})\b/g)),
  }
}

/** Names in /sys/block, of which those of DRBD are picked. */
export function parseBlockDeviceMinors(names: readonly string[]): ReadonlySet<number> {
  return new Set(
    names.flatMap((name) => {
      const match = /^drbd(\d+)$/.exec(name)
      return match ? [Number(match[1])] : []
    }),
  )
}

function numbers(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map((match) => Number(match[1]))
}

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

/** Reads /proc/net/tcp and /proc/net/tcp6: local ports of all sockets, in whatever state. */
export function parseLocalPorts(text: string): ReadonlySet<number> {
  const ports = new Set<number>()
  for (const line of text.split('\n')) {
    const match = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /.exec(line)
    if (match?.[1] !== undefined) ports.add(Number.parseInt(match[1], 16))
  }
  return ports
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

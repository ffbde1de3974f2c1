const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** 3.0 GiB, 512 MiB, 0 B: two digits that matter at least. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  const text = unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)
  return `${text} ${units[unit]}`
}

export function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`
}

export function limitText(bytesPerSecondMax: number | null): string {
  return bytesPerSecondMax === null ? 'as fast as goes' : `at most ${rate(bytesPerSecondMax)}`
}

/** 850 ms, 9.5 s, 1 min 05 s, 2 h 03 min. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  const pad = (value: number) => String(value).padStart(2, '0')
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`
  return `${Math.floor(seconds / 3_600)} h ${pad(Math.floor((seconds % 3_600) / 60))} min`
}

/** 410 µs, 1.2 ms, 35 ms, 1.4 s. */
export function latency(us: number): string {
  if (us < 999.5) return `${Math.round(us)} µs`
  if (us < 9_950) return `${(us / 1_000).toFixed(1)} ms`
  return duration(us / 1_000)
}

export function percent(fraction: number): string {
  // Never 100 % before it is.
  return `${Math.floor(Math.min(1, Math.max(0, fraction)) * 100)} %`
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

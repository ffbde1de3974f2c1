const pad = (value: number, digits = 2) => String(value).padStart(digits, '0')

/** 14:03:27 in the reader's own time. */
export function clockTime(atMs: number): string {
  const at = new Date(atMs)
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`
}

/** 2026-11-23 14:03, sortable by eye. */
export function dateTime(atMs: number): string {
  const at = new Date(atMs)
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}`
}

/** 40 s, 12 min, 36 h, 7 days: as much as one wants to know of a long time. */
export function roughly(ms: number): string {
  const count = (unitMs: number) => Math.round(Math.max(0, ms) / unitMs)
  if (count(1_000) < 120) return `${count(1_000)} s`
  if (count(60_000) < 120) return `${count(60_000)} min`
  if (count(3_600_000) < 48) return `${count(3_600_000)} h`
  return `${count(86_400_000)} days`
}

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

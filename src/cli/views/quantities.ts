export { bytes, duration, latency, limitText, percent, plural, rate } from '../../lib/quantities.ts'

export function bar(fraction: number, width: number): string {
  const filled = Math.floor(Math.min(1, Math.max(0, fraction)) * width)
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}

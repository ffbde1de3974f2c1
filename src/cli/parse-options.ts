import type { KeepMode } from '../model/replication.ts'
import { UsageError } from './usage-error.ts'

const multipliers: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
}

/** 10GiB, 512M, 1.5T or a number of bytes; always powers of 1024. @throws UsageError */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim())
  const size = Number(match?.[1]) * (multipliers[match?.[2]?.toLowerCase() ?? ''] ?? 1)
  if (!match || !Number.isSafeInteger(Math.round(size)) || size < 1)
    throw new UsageError(`'${text}' is not a size; write for example 10GiB or 512MiB`)
  return Math.round(size)
}

/** 50M, 1GiB: bytes in a second; `none` lifts a limit. @throws UsageError */
export function parseLimit(text: string): number | null {
  return text === 'none' ? null : parseSize(text)
}

/** FROM=TO, given several times; a lone TO is for all that is not named. @throws UsageError */
export function parseMapping(text: string, previous: Record<string, string> = {}) {
  const at = text.indexOf('=')
  const [from, to] = at === -1 ? ['*', text] : [text.slice(0, at), text.slice(at + 1)]
  if (from === '' || to === '') throw new UsageError(`'${text}' does not have the form FROM=TO`)
  if (from in previous) throw new UsageError(`${from} is mapped twice`)
  return { ...previous, [from]: to }
}

/** KEY=VALUE, given several times. Numbers, true and false are meant as such. @throws UsageError */
export function parseSetting(text: string, previous: Record<string, unknown> = {}) {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined)
    throw new UsageError(`'${text}' does not have the form KEY=VALUE`)
  return { ...previous, [key]: /^(true|false|\d+)$/.test(value) ? JSON.parse(value) : value }
}

/** 30m, 12h, 90d: how long from now on. @throws UsageError */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d+)([mhd])$/.exec(text.trim()) ?? []
  if (!count || Number(count) === 0)
    throw new UsageError(`'${text}' is not a time; write for example 12h or 90d`)
  return Number(count) * (unit === 'm' ? 60_000 : unit === 'h' ? 3_600_000 : 86_400_000)
}

/** 12h, 90d; `ever`: without an end. Of an option, commander takes null for nothing. @throws UsageError */
export function parseKeeping(text: string): number | 'ever' {
  return text === 'ever' ? text : parseDuration(text)
}

/** 30m, 12h: how often; `never` ends it. @throws UsageError */
export function parseInterval(text: string): number | 'never' {
  return text === 'never' ? text : parseDuration(text)
}

/** @throws UsageError */
export function parseKeepMode(text: string): KeepMode {
  if (text === 'every-write' || text === 'difference') return text
  throw new UsageError(`'${text}' is neither every-write nor difference`)
}

/** A whole number above 0. @throws UsageError */
export function parsePositive(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new UsageError(`"${text}" is not a whole number above 0`)
}

/** 0 and more. @throws UsageError */
export function parseSeconds(text: string): number {
  const number = Number(text)
  if (text.trim() !== '' && number >= 0 && Number.isFinite(number)) return number
  throw new UsageError(`"${text}" is not a number of seconds`)
}

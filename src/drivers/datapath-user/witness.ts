import { createHash } from 'node:crypto'
import { z } from 'zod'
import { sectorBytes } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'

/**
 * The witness: three sectors in a file at the target, each with one writer. The source reaches it
 * through the gateways, the target directly. To change hands each side first writes its own sector
 * and then reads the other's, so that a reclaim and a take at the same time never both succeed.
 *
 *   sector 0  source   `source` or `released`, and how the mirror is
 *   sector 1  target   `waiting`, `taking` or `taken`, the session that it serves, and its base
 *   sector 2  source   the session that it wants, and the base from which it knows what differs
 *
 * A session is one set of connections. What an earlier one has still under way may arrive late; the
 * target therefore cuts the earlier session off before it serves the next one, and believes a
 * `released` only of the session that it serves. When the target knows the source's base too, the
 * session copies what differs from it; when it answers 0, everything.
 */
export const witnessBytes = 3 * sectorBytes
export const sourceOffset = 0
export const targetOffset = sectorBytes
export const sessionOffset = 2 * sectorBytes

export const sourceWordSchema = z.object({
  role: z.enum(['source', 'released']),
  session: z.int().nonnegative(),
  state: z.enum(['syncing', 'synced']),
  outOfSyncBytes: z.int().nonnegative(),
  sentBytes: z.int().nonnegative(),
  beat: z.int().nonnegative(),
})
export type SourceWord = Readonly<z.infer<typeof sourceWordSchema>>

export const targetWordSchema = z.object({
  role: z.enum(['waiting', 'taking', 'taken']),
  session: z.int().nonnegative(),
  base: z.int().nonnegative().default(0),
})
export type TargetWord = Readonly<z.infer<typeof targetWordSchema>>

export const sessionWordSchema = z.object({
  session: z.int().nonnegative(),
  base: z.int().nonnegative().default(0),
})
/** Before a session is served. */
export const notYet: TargetWord = { role: 'waiting', session: 0, base: 0 }
export type SessionWord = Readonly<z.infer<typeof sessionWordSchema>>

const checksumCharacters = 16

/** One sector, with a checksum: it may be read while it is being written. */
export function encodeWord(word: SourceWord | TargetWord | SessionWord) {
  const text = JSON.stringify(word)
  const sector = Buffer.alloc(sectorBytes)
  sector.write(`${checksum(text)}${text}`, 'utf8')
  return sector
}

/** Null: never written. @throws BAD_REQUEST for anything but a whole word */
export function decodeWord<Schema extends z.ZodType>(
  schema: Schema,
  sector: Buffer,
): z.infer<Schema> | null {
  if (sector.every((byte) => byte === 0)) return null
  const content = sector.toString('utf8').replace(/\0+$/, '')
  const text = content.slice(checksumCharacters)
  if (content.slice(0, checksumCharacters) !== checksum(text)) throw notWhole()
  const word = schema.safeParse(jsonOf(text))
  if (word.success) return word.data
  throw notWhole(word.error)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw notWhole(error)
  }
}

function notWhole(cause?: unknown): CrosspoolError {
  const reason = 'a sector of the witness is not whole'
  return new CrosspoolError('BAD_REQUEST', { reason }, cause)
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, checksumCharacters)
}

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../../lib/write-durably.ts'
import type { Mirror } from '../../ports/datapath.ts'
import type { Parts } from './parts.ts'
import { mirrorFolder } from './places.ts'

const sideSchema = z.enum(['source', 'target'])

const common = {
  id: z.string(),
  /** Which side it was when the mirror first began. */
  end: sideSchema,
  vdi: z.string(),
  secret: z.string(),
  /** One disk is a replica of the other, and nothing goes between them. */
  isKept: z.boolean().default(false),
}

/** Where the target's gateway listens; what the target answers to the source. */
export const welcomeSchema = z.object({
  address: z.string().regex(/^[A-Za-z0-9.:-]{1,253}$/),
  port: z.int().min(1).max(65535),
  // A word of a file with keys.
  user: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
})
export type Welcome = Readonly<z.infer<typeof welcomeSchema>>

const knownRecordSchema = z.discriminatedUnion('side', [
  z.object({
    ...common,
    side: z.literal('source'),
    /** Null: not begun. */
    welcome: welcomeSchema.nullable(),
    /** Of the last session that was begun. */
    session: z.int().nonnegative(),
    /** `release` has been answered: from then on the target may have taken the disk. */
    isReleased: z.boolean(),
    /** The session at whose end both sides were the same, if what differs since is known; 0: no such. */
    base: z.int().nonnegative().default(0),
    /** Of copying; null: as fast as goes. */
    bytesPerSecondMax: z.int().positive().nullable().default(null),
  }),
  z.object({
    ...common,
    side: z.literal('target'),
    /** Null: no source has been accepted. */
    port: z.int().nullable(),
  }),
])
/** Sides that could not change have no end in their records. */
export const mirrorRecordSchema = z.preprocess((record) => {
  const found = z.looseObject({ side: sideSchema, end: sideSchema.optional() }).safeParse(record)
  return found.success ? { ...found.data, end: found.data.end ?? found.data.side } : record
}, knownRecordSchema)
export type MirrorRecord = Readonly<z.infer<typeof mirrorRecordSchema>>
export type SourceRecord = Extract<MirrorRecord, { side: 'source' }>
export type TargetRecord = Extract<MirrorRecord, { side: 'target' }>

export function newSourceRecord({ id, end, disk, secret }: Mirror): SourceRecord {
  const begun = { welcome: null, session: 0, isReleased: false, bytesPerSecondMax: null }
  return { id, end, vdi: disk.vdi, secret, side: 'source', isKept: false, base: 0, ...begun }
}

export function newTargetRecord({ id, end, disk, secret }: Mirror): TargetRecord {
  return { id, end, vdi: disk.vdi, secret, side: 'target', isKept: false, port: null }
}

export const mirrorRecordName = 'mirror.json'

/** The folder of the mirror is there. */
export async function putMirrorRecord(parts: Parts, record: MirrorRecord): Promise<void> {
  parts.closing.throwIfAborted()
  const path = join(mirrorFolder(parts, record), mirrorRecordName)
  await replaceFile(path, JSON.stringify(record))
}

/** The record goes first: without it the rest is known to be left over. */
export async function removeMirrorFolder(parts: Parts, record: MirrorRecord): Promise<void> {
  parts.closing.throwIfAborted()
  const folder = mirrorFolder(parts, record)
  await rm(join(folder, mirrorRecordName), { force: true })
  await rm(folder, { recursive: true, force: true })
}

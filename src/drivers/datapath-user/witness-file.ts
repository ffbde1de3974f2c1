import { watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { sectorBytes } from '../../lib/units.ts'
import {
  decodeWord,
  encodeWord,
  notYet,
  type SessionWord,
  type SourceWord,
  sessionOffset,
  sessionWordSchema,
  sourceOffset,
  sourceWordSchema,
  type TargetWord,
  targetOffset,
  targetWordSchema,
  witnessBytes,
} from './witness.ts'

export interface WitnessWords {
  readonly source: SourceWord | null
  readonly target: TargetWord
  /** What the source wants. */
  readonly wanted: SessionWord
}

/** Makes the file, once. */
export async function createWitness(path: string): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    await file.truncate(witnessBytes)
  } finally {
    await file.close()
  }
}

/** @throws BAD_REQUEST while a sector is being written */
export async function readWitness(path: string): Promise<WitnessWords> {
  const file = await open(path, 'r')
  try {
    const content = Buffer.alloc(witnessBytes)
    await file.read(content, 0, witnessBytes, 0)
    const at = (offset: number) => content.subarray(offset, offset + sectorBytes)
    return {
      source: decodeWord(sourceWordSchema, at(sourceOffset)),
      target: decodeWord(targetWordSchema, at(targetOffset)) ?? notYet,
      wanted: decodeWord(sessionWordSchema, at(sessionOffset)) ?? { session: 0, base: 0 },
    }
  } finally {
    await file.close()
  }
}

/** Calls `listener` when anybody has written to it. Where the kernel watches no more files, never: who needs to know looks now and then. */
export function watchWitness(path: string, listener: () => void, signal: AbortSignal): void {
  try {
    watch(path, { signal, persistent: false }, listener).on('error', () => {})
  } catch {
    // Too many are watched on this host.
  }
}

export async function writeTargetWord(path: string, word: TargetWord): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(encodeWord(word), 0, sectorBytes, targetOffset)
  } finally {
    await file.close()
  }
}

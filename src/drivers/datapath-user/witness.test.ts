import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  decodeWord,
  encodeWord,
  notYet,
  type SourceWord,
  sourceWordSchema,
  witnessBytes,
} from './witness.ts'
import { createWitness, readWitness, writeTargetWord } from './witness-file.ts'

const word: SourceWord = {
  ...{ role: 'released', session: 3, state: 'synced' },
  ...{ outOfSyncBytes: 0, sentBytes: Number.MAX_SAFE_INTEGER, beat: Number.MAX_SAFE_INTEGER },
}

describe('a word of the witness', () => {
  it('is one sector, and reads as it was written', () => {
    const sector = encodeWord(word)
    expect(sector.length).toBe(512)
    expect(decodeWord(sourceWordSchema, sector)).toEqual(word)
  })

  it('is null where nothing was written', () => {
    expect(decodeWord(sourceWordSchema, Buffer.alloc(512))).toBeNull()
  })

  it('is refused when it was read while it was written', () => {
    const torn = encodeWord({ ...word, role: 'source', session: 4 })
    encodeWord(word).copy(torn, 100, 100)
    expect(() => decodeWord(sourceWordSchema, torn)).toThrow('not whole')
    const flipped = encodeWord(word)
    flipped.write('4', flipped.indexOf('"session":3') + 10)
    expect(() => decodeWord(sourceWordSchema, flipped)).toThrow('not whole')
  })
})

describe('the file of the witness', () => {
  it('begins empty, keeps what is in it, and has one writer for each sector', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crosspool-witness-'))
    const path = join(folder, 'role')
    await createWitness(path)
    expect(await readWitness(path)).toEqual({
      ...{ source: null, wanted: { session: 0, base: 0 }, target: notYet },
    })
    const file = await open(path, 'r+')
    await file.write(encodeWord(word), 0, 512, 0)
    await file.write(encodeWord({ session: 7, base: 5 }), 0, 512, 1024)
    expect((await file.stat()).size).toBe(witnessBytes)
    await file.close()
    await writeTargetWord(path, { role: 'taking', session: 3, base: 2 })
    await createWitness(path)
    expect(await readWitness(path)).toEqual({
      ...{
        source: word,
        wanted: { session: 7, base: 5 },
        target: { role: 'taking', session: 3, base: 2 },
      },
    })
    await rm(folder, { recursive: true })
  })
})

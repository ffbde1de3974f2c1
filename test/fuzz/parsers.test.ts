import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCrosspoolError } from '../../src/model/errors.ts'
import { type FuzzedParser, parsers } from './parsers.ts'

/** Whatever comes in, a parser answers or throws what it says that it throws, and soon. */

const runs = 300
/** Far above what any of them takes, on a busy machine too; what grows with the square of its input is above it. */
const slowMs = 10_000

describe.each(parsers)('$name', { timeout: 120_000 }, (parser) => {
  test('takes anything', async () => {
    await fc.assert(
      fc.asyncProperty(inputs(parser), (input) => tryOn(parser, input)),
      { numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
    )
  })

  test('takes what is real', async () => {
    for (const input of parser.corpus) await tryOn(parser, input)
  })

  test('takes much of the same', async () => {
    for (const one of ['a', ' ', '[', '{"a":', '<a>', '\n', '0', ':', '=', '"', '\\', '%', 'é\0'])
      await tryOn(parser, fromText(parser, one.repeat(100_000)))
    for (const real of parser.corpus.filter((each) => typeof each === 'string'))
      await tryOn(parser, fromText(parser, real.repeat(Math.ceil(200_000 / (real.length + 1)))))
  })
})

test('there is no parser that nobody fuzzes', () => {
  const covered = new Set(parsers.flatMap(({ covers }) => covers))
  const named = /^export (?:async )?function\*? ?(parse[A-Z]\w*|decode[A-Z]\w*)/gm
  // A helper that others call with the text that they were given.
  const helpers = ['parseOutput']
  const forgotten = sourceFiles().flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(named)]
      .map(([, name = '']) => name)
      .filter((name) => !covered.has(name) && !helpers.includes(name)),
  )
  expect(forgotten).toEqual([])
})

async function tryOn({ name, parse, throws }: FuzzedParser, input: unknown): Promise<void> {
  const begunAtMs = performance.now()
  try {
    await parse(input as never)
  } catch (error) {
    const kind = isCrosspoolError(error) ? error.code : (error as Error).constructor.name
    if (!throws.some((allowed) => allowed === kind)) throw error
  }
  const elapsedMs = performance.now() - begunAtMs
  if (elapsedMs > slowMs) throw new Error(`${name} took ${Math.round(elapsedMs)} ms`)
}

/** Anything at all, and real inputs that somebody has spoilt. */
function inputs({ takes, corpus }: FuzzedParser): fc.Arbitrary<unknown> {
  if (takes === 'bytes') {
    const real = corpus.filter((each): each is Buffer => Buffer.isBuffer(each))
    const any = fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes))
    return fc.oneof(any, spoiltBytes(real))
  }
  if (takes === 'document') return fc.oneof(fc.jsonValue(), spoiltDocument(corpus))
  const real = corpus.filter((each): each is string => typeof each === 'string')
  const json = fc.json()
  return fc.oneof(fc.string({ unit: 'binary', maxLength: 500 }), json, spoiltText(real))
}

function spoiltText(real: readonly string[]): fc.Arbitrary<string> {
  const cut = fc.record({ base: fc.constantFrom(...real), at: fc.nat(), length: fc.nat(40) })
  const patch = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('-', '{', '}', '"', '\n', '__proto__', '9'.repeat(400), 'null'),
  )
  return fc.tuple(cut, patch).map(([{ base, at, length }, text]) => {
    const from = at % (base.length + 1)
    return base.slice(0, from) + text + base.slice(from + length)
  })
}

function spoiltBytes(real: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const patch = fc.uint8Array({ maxLength: 8 })
  return fc.tuple(fc.constantFrom(...real), fc.nat(), patch).map(([base, at, bytes]) => {
    const copy = Buffer.from(base)
    copy.set(bytes.subarray(0, copy.length - (at % copy.length)), at % copy.length)
    return copy
  })
}

/** One value somewhere in it is something else. */
function spoiltDocument(real: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.tuple(fc.constantFrom(...real), fc.nat(), fc.jsonValue()).map(([base, at, value]) => {
    const places: (() => void)[] = []
    const copy = structuredClone(base)
    const walk = (node: unknown) => {
      if (typeof node !== 'object' || node === null) return
      for (const key of Object.keys(node)) {
        places.push(() => Object.assign(node, { [key]: value }))
        walk(Reflect.get(node, key))
      }
    }
    walk(copy)
    places[at % places.length]?.()
    return copy
  })
}

function fromText({ takes }: FuzzedParser, text: string): unknown {
  if (takes === 'text') return text
  return takes === 'bytes' ? Buffer.from(text) : { [text]: text, device: text, directory: text }
}

function sourceFiles(): readonly string[] {
  const source = resolve(import.meta.dirname, '../../src')
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(source, file))
}

import { once } from 'node:events'
import { type Duplex, duplexPair } from 'node:stream'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compressing, decompressing } from './compressed-stream.ts'
import { KiB, MiB } from './units.ts'

function pair(): readonly [Duplex, Duplex] {
  const [near, far] = duplexPair()
  if (near === undefined || far === undefined) throw new Error('no link')
  return [near, far]
}

function connected() {
  const [near, far] = pair()
  const { stream: source, crossedBytes } = compressing(near)
  return { near, far, source, crossedBytes, destination: decompressing(far) }
}

/** Written to the link by hand: what a garbled or a hostile source sends. */
function fed() {
  const [near, far] = pair()
  return { link: near, far, destination: decompressing(far) }
}

async function all(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  await once(stream, 'end')
  return Buffer.concat(parts)
}

function collecting(stream: Duplex) {
  let bytes: Buffer = Buffer.alloc(0)
  let wake = () => {}
  stream.on('data', (part: Buffer) => {
    bytes = Buffer.concat([bytes, part])
    wake()
  })
  return async (length: number): Promise<Buffer> => {
    while (bytes.length < length)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    const taken = bytes
    bytes = Buffer.alloc(0)
    return taken
  }
}

/** As a guest's memory is: zeroes, text, and what cannot be made smaller. */
const pages = fc.oneof(
  fc.integer({ min: 0, max: 300 * KiB }).map((length) => Buffer.alloc(length)),
  fc.tuple(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 64 * KiB })).map(fill),
  fc.uint8Array({ maxLength: 8 * KiB }).map((bytes) => Buffer.from(bytes)),
)

function fill([text, length]: [string, number]): Buffer {
  return Buffer.alloc(length, text)
}

function noise(length: number): Buffer {
  let state = 1
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    return state >> 16
  }
  return Buffer.from(Uint8Array.from({ length }, next))
}

describe('a compressed stream', () => {
  it('arrives whole and in order, however it is cut up', async () => {
    const property = fc.asyncProperty(fc.array(pages, { maxLength: 20 }), async (parts) => {
      const { source, destination } = connected()
      for (const part of parts) source.write(part)
      source.end()
      expect((await all(destination)).equals(Buffer.concat(parts))).toBe(true)
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('each write arrives without a later one', async () => {
    const property = fc.asyncProperty(fc.array(pages, { maxLength: 10 }), async (parts) => {
      const { source, destination } = connected()
      const take = collecting(destination)
      for (const part of parts) {
        source.write(part)
        expect((await take(part.length)).equals(part)).toBe(true)
      }
      source.destroy()
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('what is alike crosses as much less, and is counted', async () => {
    const { source, crossedBytes, destination } = connected()
    source.end(Buffer.alloc(4 * MiB))
    expect((await all(destination)).length).toBe(4 * MiB)
    expect(crossedBytes()).toBeGreaterThan(0)
    expect(crossedBytes()).toBeLessThan(64 * KiB)
  })

  it('what is answered goes back as it is, and each direction ends by itself', async () => {
    const { far, source, destination } = connected()
    const answered = all(source)
    destination.write('ready')
    expect((await once(source, 'data'))[0].toString()).toBe('ready')
    source.end('all of the memory')
    expect((await all(destination)).toString()).toBe('all of the memory')
    expect(far.writableEnded).toBe(false)
    destination.end('')
    await answered
  })

  it('an empty write is done when the link has taken all before it', async () => {
    const { near, source, far } = connected()
    let done = false
    source.write(noise(MiB))
    source.write('', () => {
      done = true
    })
    while (near.writableLength === 0) await turn()
    for (let count = 0; count < 50; count += 1) await turn()
    expect(done).toBe(false)
    far.resume()
    while (!done) await turn()
  })

  it('a reader that does not read holds the writer up', async () => {
    const { source, destination } = connected()
    const writtenBytes = await writtenUntilFull(source, noise(256 * KiB))
    expect(writtenBytes).toBeLessThan(16 * MiB)
    const arriving = all(destination)
    source.end()
    expect((await arriving).length).toBe(writtenBytes)
  })
})

describe('a stream that breaks', () => {
  it('ends where the link has ended, with what came before', async () => {
    const text = Buffer.concat([noise(64 * KiB), Buffer.alloc(64 * KiB, 'memory')])
    const whole = deflateSync(text)
    for (let length = 0; length < whole.length; length += 9_973) {
      const { link, destination } = fed()
      link.end(whole.subarray(0, length))
      const arrived = await all(destination)
      expect(text.subarray(0, arrived.length).equals(arrived)).toBe(true)
      expect(arrived.length).toBeLessThan(text.length)
    }
  })

  it('closes both ends, one with what the link broke of', async () => {
    const { near, source, destination } = connected()
    const broken = once(source, 'error')
    near.destroy(new Error('reset'))
    expect((await broken)[0].message).toBe('reset')
    expect(source.destroyed).toBe(true)
    source.on('error', () => {})
    destination.on('error', () => {})
    const cut = connected()
    const closed = Promise.all([once(cut.destination, 'close'), once(cut.far, 'close')])
    cut.destination.resume()
    cut.far.destroy()
    await closed
  })

  it('is broken from the beginning over a link that is', () => {
    const [near, far] = pair()
    near.destroy()
    far.destroy()
    expect(compressing(near).stream.destroyed).toBe(true)
    expect(decompressing(far).destroyed).toBe(true)
  })

  it('takes the link with it, also while a write is being compressed', async () => {
    const { near, source, far } = connected()
    source.write(noise(MiB))
    far.resume()
    source.destroy()
    if (!near.closed) await once(near, 'close')
    expect(source.destroyed).toBe(true)
  })

  it.each([
    ['memory that is not compressed', '', Buffer.from('QEVM in plain')],
    ['an unknown block after some memory', 'memory', Buffer.from([7, 7, 7, 7])],
  ])('%s breaks it', async (_, before, garbage) => {
    const { link, far, destination } = fed()
    const take = collecting(destination)
    const failed = once(destination, 'error')
    if (before !== '') {
      compressing(link).stream.write(before)
      expect((await take(before.length)).toString()).toBe(before)
    }
    link.write(garbage)
    expect((await failed)[0].message).toMatch(/^it cannot be decompressed: /)
    if (!far.closed) await once(far, 'close')
  })

  it('ends or breaks, whatever has become of it on the way', async () => {
    const change = fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 20 }))
    const property = fc.asyncProperty(pages, fc.array(change), async (memory, changes) => {
      const { link, destination } = fed()
      let bytes = deflateSync(memory)
      for (const [at, garbage] of changes)
        bytes = Buffer.concat([bytes.subarray(0, at % bytes.length), garbage, bytes.subarray(at)])
      const over = new Promise((resolve) => destination.once('end', resolve).once('error', resolve))
      destination.resume()
      link.end(bytes)
      await over
      destination.destroy()
    })
    await fc.assert(property, { numRuns: 100 })
  })

  it('zeroes without end fill nothing but the buffers', async () => {
    const { link, destination } = fed()
    const bomb = deflateSync(Buffer.alloc(256 * MiB))
    destination.once('readable', () => {})
    await writtenUntilFull(link, bomb)
    expect(destination.readableLength).toBeGreaterThan(0)
    expect(destination.readableLength).toBeLessThan(MiB)
    expect(link.writableNeedDrain).toBe(true)
    destination.destroy()
  })

  it('nothing that follows the end of the compressed data comes out', async () => {
    const { link, destination } = fed()
    const arriving = all(destination)
    link.write(Buffer.concat([deflateSync('memory'), Buffer.from('more than that')]))
    link.write(deflateSync('and again'))
    expect((await arriving).toString()).toBe('memory')
  })
})

const turn = () => new Promise((resolve) => setTimeout(resolve, 1))

async function writtenUntilFull(stream: Duplex, chunk: Buffer): Promise<number> {
  let writtenBytes = 0
  for (let patience = 0; patience < 200 && writtenBytes < 64 * MiB; ) {
    if (stream.writableNeedDrain) {
      await turn()
      patience += 1
      continue
    }
    patience = 0
    stream.write(chunk)
    writtenBytes += chunk.length
  }
  return writtenBytes
}

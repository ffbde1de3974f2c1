import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isCrosspoolError } from '../../model/errors.ts'
import { deviceBytes } from './device-bytes.ts'
import { metadataBytes } from './metadata-bytes.ts'
import { pickNumbers } from './pick-reservation.ts'
import { createReservations } from './reservations.ts'

describe('sizes', () => {
  it('never give DRBD 8.4 a bitmap whose last word it would forget', () => {
    const sectors = fc.integer({ min: 1, max: 2 ** 40 })
    fc.assert(
      fc.property(sectors, (count) => {
        const device = deviceBytes(count * 512)
        expect(Math.ceil(device / 4096) % 64).not.toBe(0)
        expect(device).toBeGreaterThanOrEqual(count * 512)
        expect(device - count * 512).toBeLessThanOrEqual(4096)
      }),
    )
  })

  it('leave room in the metadata for one bit of each block', () => {
    expect(metadataBytes(512)).toBe(1024 * 1024)
    const tebibyte = 1024 ** 4
    expect(metadataBytes(tebibyte)).toBe(36 * 1024 + tebibyte / 4096 / 8 + 4096)
  })
})

describe('reservations', () => {
  const ranges = { minors: { from: 1000, to: 1001 }, ports: { from: 7800, to: 7802 } }
  let directory = ''
  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'crosspool-')), 'minors')
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('take what is free', () => {
    const used = { minors: new Set([1000]), ports: new Set([7800, 7801]) }
    expect(pickNumbers(ranges, used)).toEqual({ minor: 1001, port: 7802 })
  })

  it.each([
    ['NO_FREE_MINOR', { minors: new Set([1000, 1001]), ports: new Set<number>() }],
    ['NO_FREE_PORT', { minors: new Set<number>(), ports: new Set([7800, 7801, 7802]) }],
  ] as const)('end with %s', (code, used) => {
    expect(() => pickNumbers(ranges, used)).toThrow(
      expect.toSatisfy((error: unknown) => isCrosspoolError(error, code)),
    )
  })

  it('are known to whoever starts anew, under the name that udev asks for', async () => {
    const reservation = { name: 'crosspool-x-source', minor: 1001, address: '10.0.0.1', port: 7800 }
    expect(await createReservations(directory).list()).toEqual([])
    await createReservations(directory).add(reservation)
    expect(await createReservations(directory).list()).toEqual([reservation])
    expect(await createReservations(directory).find(reservation.name)).toEqual(reservation)
    expect(JSON.parse(await readFile(join(directory, '1001'), 'utf8'))).toEqual(reservation)
    expect((await stat(join(directory, '1001'))).mode & 0o777).toBe(0o600)
    await createReservations(directory).remove(reservation)
    await createReservations(directory).remove(reservation)
    expect(await createReservations(directory).list()).toEqual([])
  })
})

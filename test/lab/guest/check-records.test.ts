import { expect, test } from 'vitest'
import { checkRecords, type DiskExpectation } from './check-records.ts'
import { encodeRecord, type GuestRecord, recordBytes, regionBytes } from './record.ts'

const slots = 8
const life: Omit<GuestRecord, 'sequence'> = {
  disk: 0,
  slots,
  writtenNs: 5_000_000n,
  boot: '0123456789abcdef',
  guest: 'guest-one',
}

/** A disk on which the guest has written all records up to `highest`. */
function regionUpTo(highest: number): Buffer {
  const region = Buffer.alloc(regionBytes(slots))
  for (let sequence = 1; sequence <= highest; sequence += 1) put(region, { ...life, sequence })
  return region
}

function put(region: Buffer, record: GuestRecord): void {
  encodeRecord(record).copy(region, (record.sequence % slots) * recordBytes)
}

function expectation(acknowledged: number, issued: number): DiskExpectation {
  return { guest: 'guest-one', number: 0, slots, acknowledged, issued }
}

test('a disk that holds what was acknowledged is good', () => {
  const verdict = checkRecords(regionUpTo(21), expectation(21, 21))
  expect(verdict).toEqual({ problems: [], lost: [], highest: 21 })
})

test('a ring that is not full yet is good', () => {
  expect(checkRecords(regionUpTo(3), expectation(3, 3)).problems).toEqual([])
  expect(checkRecords(regionUpTo(0), expectation(0, 0)).problems).toEqual([])
})

test('the record in flight may be there, be missing, or be torn', () => {
  expect(checkRecords(regionUpTo(22), expectation(21, 22)).problems).toEqual([])
  expect(checkRecords(regionUpTo(21), expectation(21, 22)).problems).toEqual([])
  const torn = regionUpTo(22)
  torn.fill(0xff, (22 % slots) * recordBytes + 512, (22 % slots) * recordBytes + 1024)
  expect(checkRecords(torn, expectation(21, 22)).problems).toEqual([])
})

test('a record newer than the last report of acknowledgement is good while it was issued', () => {
  expect(checkRecords(regionUpTo(25), expectation(21, 25)).problems).toEqual([])
})

test('an acknowledged record that an old disk does not have is lost', () => {
  const verdict = checkRecords(regionUpTo(19), expectation(21, 22))
  expect(verdict.lost).toEqual([20, 21])
  expect(verdict.problems).toEqual([
    'record 20 was acknowledged and is lost',
    'record 21 was acknowledged and is lost',
  ])
})

test('a single lost write in the middle is found', () => {
  const region = regionUpTo(21)
  put(region, { ...life, sequence: 18 - slots })
  expect(checkRecords(region, expectation(21, 21)).lost).toEqual([18])
})

test('a slot of zeroes is a lost write', () => {
  const region = regionUpTo(21)
  region.fill(0, (17 % slots) * recordBytes, (17 % slots) * recordBytes + recordBytes)
  expect(checkRecords(region, expectation(21, 21)).lost).toEqual([17])
})

test('an acknowledged record that is torn is found', () => {
  const region = regionUpTo(21)
  encodeRecord({ ...life, sequence: 20 - slots }).copy(region, (20 % slots) * recordBytes, 0, 512)
  const verdict = checkRecords(region, expectation(21, 21))
  expect(verdict.lost).toEqual([20])
  expect(verdict.problems).toContain('slot 4 holds no whole record')
})

test('a record from the future is found', () => {
  expect(checkRecords(regionUpTo(23), expectation(21, 22)).problems).toEqual([
    'record 23 is on the disk, but the guest had told of 22 at most',
  ])
})

test('a guest that has ended may have issued some that nobody has heard of, and no more', () => {
  const ended = { ...expectation(21, 22), untold: 2 }
  expect(checkRecords(regionUpTo(24), ended).problems).toEqual([])
  expect(checkRecords(regionUpTo(25), ended).problems).toHaveLength(1)
  const region = regionUpTo(23)
  const torn = (24 % slots) * recordBytes
  encodeRecord({ ...life, sequence: 24 }).copy(region, torn, 0, 512)
  expect(checkRecords(region, ended).problems).toEqual([])
  expect(checkRecords(region, { ...ended, untold: 1 }).problems).toEqual([
    'slot 0 holds no whole record',
    'record 16 was acknowledged and is lost',
  ])
})

test('a hole below the newest record is found even where nothing was seen as acknowledged', () => {
  const region = regionUpTo(25)
  put(region, { ...life, sequence: 23 - slots })
  expect(checkRecords(region, expectation(21, 26)).problems).toEqual([
    'record 23 is missing though record 25 is there',
  ])
})

test.each([
  ['guest', { guest: 'guest-two' }, 'slot 4 holds a record of guest guest-two'],
  ['disk', { disk: 1 }, 'slot 4 holds a record of disk 1'],
  ['ring', { slots: 16 }, 'slot 4 holds a record of a ring of 16 slots'],
])('a record of another %s is found', (_, difference, problem) => {
  const region = regionUpTo(21)
  put(region, { ...life, sequence: 20, ...difference })
  const verdict = checkRecords(region, expectation(21, 21))
  expect(verdict.problems).toContain(problem)
  expect(verdict.lost).toEqual([20])
})

test('a record in the slot of another is found', () => {
  const region = regionUpTo(21)
  encodeRecord({ ...life, sequence: 21 }).copy(region, (20 % slots) * recordBytes)
  expect(checkRecords(region, expectation(21, 21)).problems).toContain(
    'slot 4 holds record 21 of another slot',
  )
})

import { type GuestRecord, readSlot, recordBytes } from './record.ts'

/** What is known, from outside, of one disk of a test guest. */
export interface DiskExpectation {
  readonly guest: string
  /** Number of the disk in the guest: 0 for xvda. */
  readonly number: number
  readonly slots: number
  /** Highest sequence number that was seen as acknowledged. */
  readonly acknowledged: number
  /** Highest sequence number that was seen as issued. The guest tells before it writes. */
  readonly issued: number
  /** So many more may have been issued: what a guest tells as it ends may end with its network interface. */
  readonly untold?: number
}

export interface DiskVerdict {
  /** Empty when the disk holds exactly what it must. */
  readonly problems: readonly string[]
  /** Sequence numbers that the guest saw acknowledged and that the disk does not hold. */
  readonly lost: readonly number[]
  /** Highest sequence number on the disk. */
  readonly highest: number
}

/**
 * Judges the record region of a disk that nobody writes to any more. It must hold, slot by slot:
 * - every acknowledged record that was not overwritten by a newer one, whole (nothing lost);
 * - nothing newer than what was issued (nothing from another life of the guest);
 * - at most the single record that was in flight beyond the acknowledged ones, and only that one may be torn;
 * - no record of another guest or another disk.
 */
export function checkRecords(region: Buffer, expected: DiskExpectation): DiskVerdict {
  const { slots, acknowledged, issued, untold = 0 } = expected
  const problems: string[] = []
  if (region.length !== slots * recordBytes) {
    throw new Error(`the region has ${region.length} bytes, not ${slots} records`)
  }
  const records = readRecords(region, expected, problems)
  const highest = Math.max(0, ...records.values())
  if (highest > issued + untold) {
    problems.push(`record ${highest} is on the disk, but the guest had told of ${issued} at most`)
  }
  // The record in flight may have hit the slot of the oldest one of the ring.
  const oldest = Math.max(1, issued + untold - slots + 1)
  const lost = missingRecords(records, oldest, acknowledged, slots)
  for (const sequence of lost) problems.push(`record ${sequence} was acknowledged and is lost`)
  // The guest writes one at a time, so whatever is below the highest record must have come before it.
  for (const sequence of missingRecords(records, oldest, highest - 1, slots)) {
    if (sequence > acknowledged) {
      problems.push(`record ${sequence} is missing though record ${highest} is there`)
    }
  }
  return { problems, lost, highest }
}

/** Sequence number by slot. What is no proper record of this disk goes to the problems instead. */
function readRecords(
  region: Buffer,
  expected: DiskExpectation,
  problems: string[],
): Map<number, number> {
  const { slots, acknowledged, issued, untold = 0 } = expected
  const records = new Map<number, number>()
  const inFlight = new Set<number>()
  const first = issued > acknowledged ? issued : issued + 1
  for (let sequence = first; sequence <= issued + untold; sequence += 1)
    inFlight.add(sequence % slots)
  for (let index = 0; index < slots; index += 1) {
    const slot = readSlot(region, index)
    if (slot.kind === 'torn') {
      if (!inFlight.has(index)) problems.push(`slot ${index} holds no whole record`)
    }
    if (slot.kind !== 'record') continue
    const problem = foreignness(slot.record, index, expected)
    if (problem) problems.push(`slot ${index} holds ${problem}`)
    else records.set(index, slot.record.sequence)
  }
  return records
}

function foreignness(
  record: GuestRecord,
  index: number,
  expected: DiskExpectation,
): string | undefined {
  if (record.guest !== expected.guest) return `a record of guest ${record.guest}`
  if (record.disk !== expected.number) return `a record of disk ${record.disk}`
  if (record.slots !== expected.slots) return `a record of a ring of ${record.slots} slots`
  if (record.sequence % expected.slots !== index) return `record ${record.sequence} of another slot`
  return undefined
}

/** The records in whose slot there is neither they nor a newer one. */
function missingRecords(
  records: ReadonlyMap<number, number>,
  from: number,
  upTo: number,
  slots: number,
): number[] {
  const missing: number[] = []
  for (let sequence = from; sequence <= upTo; sequence += 1) {
    const found = records.get(sequence % slots)
    if (found === undefined || found < sequence) missing.push(sequence)
  }
  return missing
}

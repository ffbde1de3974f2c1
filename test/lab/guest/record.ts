/** Reads what record.h writes: the ring of records that a test guest keeps on each of its disks. */

export const regionOffsetBytes = 1024 * 1024
export const recordBytes = 4096

const magic = Buffer.from('CPRECRD1')
const payloadOffset = 80
const payloadWords = 501
const checksumOffset = recordBytes - 4

export interface GuestRecord {
  readonly disk: number
  readonly slots: number
  readonly sequence: number
  /** Of the guest's monotonic clock. */
  readonly writtenNs: bigint
  readonly boot: string
  readonly guest: string
}

/** `empty`: never written. `torn`: looks like a record, or like anything else, but is not a whole one. */
export type Slot =
  | { readonly kind: 'record'; readonly record: GuestRecord }
  | { readonly kind: 'empty' }
  | { readonly kind: 'torn' }

export function regionBytes(slots: number): number {
  return slots * recordBytes
}

export function readSlot(region: Buffer, index: number): Slot {
  const block = region.subarray(index * recordBytes, (index + 1) * recordBytes)
  if (block.every((byte) => byte === 0)) return { kind: 'empty' }
  const isWhole =
    block.length === recordBytes &&
    block.subarray(0, magic.length).equals(magic) &&
    block.readUInt32LE(checksumOffset) === checksum(block.subarray(0, checksumOffset))
  if (!isWhole) return { kind: 'torn' }
  return {
    kind: 'record',
    record: {
      disk: block.readUInt32LE(8),
      slots: block.readUInt32LE(12),
      sequence: Number(block.readBigUInt64LE(16)),
      writtenNs: block.readBigUInt64LE(24),
      boot: textAt(block, 32, 16),
      guest: textAt(block, 48, 32),
    },
  }
}

/** As the guest would write it; for tests of the checker. */
export function encodeRecord(record: GuestRecord): Buffer {
  const block = Buffer.alloc(recordBytes)
  magic.copy(block)
  block.writeUInt32LE(record.disk, 8)
  block.writeUInt32LE(record.slots, 12)
  block.writeBigUInt64LE(BigInt(record.sequence), 16)
  block.writeBigUInt64LE(record.writtenNs, 24)
  block.write(record.boot, 32, 16, 'ascii')
  block.write(record.guest, 48, 32, 'ascii')
  let state = BigInt.asUintN(
    64,
    BigInt(record.sequence) * 0x9e3779b97f4a7c15n + BigInt(record.disk) + 1n,
  )
  for (let word = 0; word < payloadWords; word += 1) {
    state ^= BigInt.asUintN(64, state << 13n)
    state ^= state >> 7n
    state ^= BigInt.asUintN(64, state << 17n)
    block.writeBigUInt64LE(state, payloadOffset + word * 8)
  }
  block.writeUInt32LE(checksum(block.subarray(0, checksumOffset)), checksumOffset)
  return block
}

function textAt(block: Buffer, offset: number, length: number): string {
  return block.toString('ascii', offset, offset + length).replace(/\0.*$/s, '')
}

const checksumTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  }
  return value >>> 0
})

/** CRC-32, as in zlib; node:zlib has it only from 20.15 on. */
function checksum(bytes: Buffer): number {
  let sum = 0xffffffff
  for (const byte of bytes) sum = (checksumTable[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8)
  return ~sum >>> 0
}

import { KiB } from '../../lib/units.ts'

const bitmapBlockBytes = 4 * KiB
const bitsInWord = 64

/**
 * Size of the device that DRBD is given for a disk of `sizeBytes`. Its bitmap, one bit for 4 KiB,
 * must not end with a full word: when DRBD 8.4 reads such a bitmap from its metadata, it forgets
 * the last word (bm_count_bits masks it with zero), and with it what is out of sync in the last
 * 256 KiB. Seen with 8.4.11 as "64 MB (16384 bits) marked out-of-sync" followed by "64 MB (16320
 * bits)".
 */
export function deviceBytes(sizeBytes: number): number {
  const endsWithFullWord = Math.ceil(sizeBytes / bitmapBlockBytes) % bitsInWord === 0
  return endsWithFullWord ? sizeBytes + bitmapBlockBytes : sizeBytes
}

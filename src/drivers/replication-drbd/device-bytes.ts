import { KiB } from '../../lib/units.ts'

const bitmapBlockBytes = 4 * KiB
/** One word of the bitmap stands for so much of the disk. */
const bitmapWordBytes = 64 * bitmapBlockBytes

/**
 * Size of the device that DRBD is given for a disk of `sizeBytes`. It must not be a multiple of
 * 256 KiB: when DRBD 8.4 reads such a bitmap from its metadata, it forgets its last word
 * (bm_count_bits masks it with zero), and with it what is out of sync in the last 256 KiB. Seen
 * with 8.4.11 as "64 MB (16384 bits) marked out-of-sync" followed by "64 MB (16320 bits)".
 */
export function deviceBytes(sizeBytes: number): number {
  return sizeBytes % bitmapWordBytes === 0 ? sizeBytes + bitmapBlockBytes : sizeBytes
}

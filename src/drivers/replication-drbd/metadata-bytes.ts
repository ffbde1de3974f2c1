import { KiB, MiB } from '../../lib/units.ts'
import { deviceBytes } from './device-bytes.ts'

const bitmapBlockBytes = 4 * KiB
const superblockAndActivityLogBytes = 36 * KiB
/** The kernel refuses less. */
const metadataBytesMin = 1 * MiB

/** Size of flexible external metadata with one bit for each 4 KiB of the device. */
export function metadataBytes(sizeBytes: number): number {
  const bitmapBytes = Math.ceil(deviceBytes(sizeBytes) / bitmapBlockBytes / 8)
  const roundedBitmapBytes = Math.ceil(bitmapBytes / bitmapBlockBytes) * bitmapBlockBytes
  return Math.max(metadataBytesMin, superblockAndActivityLogBytes + roundedBitmapBytes)
}

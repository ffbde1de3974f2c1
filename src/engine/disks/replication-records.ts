import { CrosspoolError } from '../../model/errors.ts'
import type { Disk, Mirror } from '../../ports/datapath.ts'
import type { ReplicationRecord, VdiRecord } from './records.ts'
import { toDisk } from './vdi-records.ts'

/** A new record, but for how far it has come. */
export function describe(
  vdi: VdiRecord,
  id: string,
  side: 'source' | 'target',
  provider: string,
  secret: string,
  source: string | null = null,
): Omit<ReplicationRecord, 'phase'> {
  const { sizeBytes, adopted } = vdi
  const {
    volumePath,
    format: volumeFormat,
    discardsReadAsZeroes = false,
  } = toDisk(vdi, 'replicate')
  const volume = { volumePath, volumeFormat, discardsReadAsZeroes, sizeBytes, adopted }
  const own = { id, vdi: vdi.id, side, provider, secret, ...volume }
  return { ...own, source, hello: null, isArmed: false, keep: null, reason: null }
}

export function toMirror(record: ReplicationRecord): Mirror {
  const { id, side, vdi, provider, sizeBytes, volumePath, volumeFormat, adopted, secret } = record
  const { discardsReadAsZeroes = false } = record
  const volume = { volumePath, format: volumeFormat, discardsReadAsZeroes }
  const disk: Disk = { vdi, sizeBytes, ...volume, adopted }
  return { id, side, end: side, scheme: provider, disk, secret }
}

export function checkSize(sizeBytes: number, targetSizeBytes: number): void {
  if (sizeBytes !== targetSizeBytes)
    throw new CrosspoolError('SIZE_MISMATCH', { sizeBytes, targetSizeBytes })
}

export function refused(reason: string): CrosspoolError {
  return new CrosspoolError('URI_REFUSED', { reason })
}

import { CrosspoolError } from '../../model/errors.ts'
import type { DatapathCapabilities, Disk, Mirror } from '../../ports/datapath.ts'
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
  return { id, side, end: record.end ?? side, scheme: provider, disk, secret }
}

export function checkSize(sizeBytes: number, targetSizeBytes: number): void {
  if (sizeBytes !== targetSizeBytes)
    throw new CrosspoolError('SIZE_MISMATCH', { sizeBytes, targetSizeBytes })
}

export function refused(reason: string): CrosspoolError {
  return new CrosspoolError('URI_REFUSED', { reason })
}

/** The best that both sides have. @throws NOT_SUPPORTED */
export function chooseScheme(
  { schemes: own, encryptionObstacle }: DatapathCapabilities,
  schemes?: readonly string[],
): string {
  const scheme = own.find((candidate) => !schemes || schemes.includes(candidate))
  if (scheme) return scheme
  const mine = own.join(', ') || 'none'
  const obstacle = encryptionObstacle ? `; ${encryptionObstacle}` : ''
  const reason = `this host has ${mine}, the source ${schemes?.join(', ') || 'none'}${obstacle}`
  throw new CrosspoolError('NOT_SUPPORTED', { what: 'Replication', reason })
}

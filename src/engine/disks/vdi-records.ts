import { CrosspoolError } from '../../model/errors.ts'
import type { Vdi } from '../../model/vdi.ts'
import type { Disk } from '../../ports/datapath.ts'
import type { AttachedVolume } from '../../ports/volume-store.ts'
import type { VdiRecord } from './records.ts'
import type { LocatedVolume } from './srs.ts'

/** Of a VDI that nobody uses. */
export const unattached = {
  ...{ device: null, volumePath: null, adopted: null },
  volumeFormat: 'raw',
  discardsReadAsZeroes: false,
} as const

export function attachedFields({ path, format, discardsReadAsZeroes = false }: AttachedVolume) {
  return { volumePath: path, volumeFormat: format, discardsReadAsZeroes }
}

/** What is known of a volume that has no record: nobody uses it. */
export function unusedVdi({ sr, volume }: LocatedVolume): VdiRecord {
  const { id, name, sizeBytes, allocatedBytes, format, managed } = volume
  return {
    ...{ id, sr, name, sizeBytes, allocatedBytes, format, managed, state: 'detached' },
    ...unattached,
    ...{ replication: null, relocation: null, unfinished: null },
  }
}

/** The volume's facts with what the record knows of its use. */
export function mergeVdi(located: LocatedVolume, record: VdiRecord | undefined): VdiRecord {
  const { sr, volume } = located
  if (!record) return unusedVdi(located)
  const { sizeBytes, allocatedBytes, format, managed } = volume
  return { ...record, sr, sizeBytes, allocatedBytes, format, managed }
}

export function toVdi(record: VdiRecord): Vdi {
  const { id, sr, name, sizeBytes, allocatedBytes, format, managed } = record
  const { state, device, replication } = record
  return { id, sr, name, sizeBytes, allocatedBytes, format, managed, state, device, replication }
}

/** @throws BUSY while it is mirrored or moves */
export function refuseInUse({ id, replication, relocation }: VdiRecord): void {
  if (replication)
    throw new CrosspoolError('BUSY', { kind: 'vdi', id, user: `replication ${replication}` })
  if (relocation)
    throw new CrosspoolError('BUSY', { kind: 'vdi', id, user: 'a move to another SR' })
}

/** The disk as the datapath wants it. @throws WRONG_STATE when it is not attached */
export function toDisk(record: VdiRecord, operation: string): Disk {
  const { id, sizeBytes, volumePath, volumeFormat, adopted, state } = record
  const { discardsReadAsZeroes = false } = record
  if (volumePath === null)
    throw new CrosspoolError('WRONG_STATE', {
      ...{ kind: 'vdi', id, state, operation, needed: 'attached' },
    })
  return { vdi: id, sizeBytes, volumePath, format: volumeFormat, discardsReadAsZeroes, adopted }
}

import { CrosspoolError } from '../../model/errors.ts'
import type { Vdi } from '../../model/vdi.ts'
import type { Disk } from '../../ports/datapath.ts'
import type { VdiRecord } from './records.ts'
import type { LocatedVolume } from './srs.ts'

/** What is known of a volume that has no record: nobody uses it. */
export function unusedVdi({ sr, volume }: LocatedVolume): VdiRecord {
  const { id, name, sizeBytes, allocatedBytes, managed } = volume
  return {
    ...{ id, sr, name, sizeBytes, allocatedBytes, managed, state: 'detached' },
    ...{ device: null, volumeDevice: null, adopted: null, replication: null, unfinished: null },
  }
}

/** The volume's facts with what the record knows of its use. */
export function mergeVdi(located: LocatedVolume, record: VdiRecord | undefined): VdiRecord {
  const { sr, volume } = located
  if (!record) return unusedVdi(located)
  const { sizeBytes, allocatedBytes, managed } = volume
  return { ...record, sr, sizeBytes, allocatedBytes, managed }
}

export function toVdi(record: VdiRecord): Vdi {
  const { id, sr, name, sizeBytes, allocatedBytes, managed, state, device, replication } = record
  return { id, sr, name, sizeBytes, allocatedBytes, managed, state, device, replication }
}

/** The disk as the datapath wants it. @throws WRONG_STATE when it is not attached */
export function toDisk(record: VdiRecord, operation: string): Disk {
  const { id, sizeBytes, volumeDevice, adopted, state } = record
  if (volumeDevice === null)
    throw new CrosspoolError('WRONG_STATE', {
      ...{ kind: 'vdi', id, state, operation, needed: 'attached' },
    })
  return { vdi: id, sizeBytes, volumeDevice, adopted }
}

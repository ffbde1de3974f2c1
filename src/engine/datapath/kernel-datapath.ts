import type { BlockMapper } from '../../ports/block-mapper.ts'
import type { BlockReplicator } from '../../ports/block-replicator.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { Datapath } from '../../ports/datapath.ts'
import type { MetadataVolumes } from '../../ports/metadata-volumes.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import type { SecureLinks } from '../../ports/secure-link.ts'
import { closeMirror } from './close.ts'
import { activate, adopt, deactivate } from './devices.ts'
import { linkedScheme } from './encounter.ts'
import { arm, reclaim, release, take } from './handover.ts'
import { accept, offer, prepare, start } from './insert.ts'
import { discard, inventory } from './inventory.ts'
import { keepMirror } from './keep.ts'
import { createMirrorRecords } from './mirror-records.ts'
import { mirrorName } from './names.ts'
import { createOriginalTables } from './original-tables.ts'
import type { DatapathParts } from './parts.ts'
import { relocate, settle } from './relocate.ts'
import { watchMirror } from './status.ts'
import { verifyMirror } from './verify.ts'

export interface KernelDatapathOptions {
  readonly blockMapper: BlockMapper
  readonly replicator: BlockReplicator
  readonly metadataVolumes: MetadataVolumes
  /** Null where the host has none, and then why, and what to do about it. */
  readonly links: SecureLinks | null
  readonly encryptionObstacle: string | null
  /** `off`: a mirror may go in the clear where the other side does not require otherwise. */
  readonly encryption: 'required' | 'off'
  readonly clock: Clock
  readonly random: Random
  /** Survives a restart: what the administrator's devices were before, and which copy a mirror is of. */
  readonly records: RecordStore
}

/** The datapath of hosts whose kernel replicates: device-mapper above, a block replicator beneath. */
export function createKernelDatapath(options: KernelDatapathOptions): Datapath {
  const { blockMapper, replicator, records, links, encryption, encryptionObstacle } = options
  const originals = createOriginalTables(blockMapper, replicator, records)
  const mirrors = createMirrorRecords(records)
  const parts: DatapathParts = { ...options, originals, mirrors, parted: new Set() }
  const { scheme, version } = replicator.capabilities
  const schemes = [
    ...(encryption === 'off' ? [scheme] : []),
    ...(links === null ? [] : [linkedScheme(scheme, links)]),
  ]
  return {
    capabilities: {
      ...{ schemes, encryptionObstacle, description: `${scheme} ${version} in the kernel` },
      ...{ presentation: 'device', deviceKind: 'block' },
      ...{ keeps: ['every-write', 'difference'], verifies: true },
    },
    activate: (disk) => activate(parts, disk),
    deactivate: (disk) => deactivate(parts, disk),
    adopt: (_disk, device) => adopt(parts, device),
    offer: (mirror) => offer(parts, mirror),
    prepare: (mirror) => prepare(parts, mirror),
    accept: (mirror, hello) => accept(parts, mirror, hello),
    start: (mirror, welcome) => start(parts, mirror, welcome),
    limit: (mirror, bytesPerSecondMax) => replicator.limit(mirrorName(mirror), bytesPerSecondMax),
    watch: (mirror, listener) => watchMirror(parts, mirror, listener),
    verify: (mirror, signal) => verifyMirror(parts, mirror, signal),
    arm: (handover) => arm(parts, handover),
    release: (handover) => release(parts, handover),
    reclaim: (handover) => reclaim(parts, handover),
    take: (handover) => take(parts, handover),
    keep: (mirror, mode) => keepMirror(parts, mirror, mode),
    close: (mirror, keep) => closeMirror(parts, mirror, keep),
    relocate: (disk, to, relocation) => relocate(parts, disk, to, relocation),
    settle: (disk) => settle(parts, disk),
    inventory: () => inventory(parts),
    discard: (owner) => discard(parts, owner),
  }
}

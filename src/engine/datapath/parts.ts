import type { BlockMapper } from '../../ports/block-mapper.ts'
import type { BlockReplicator } from '../../ports/block-replicator.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { MetadataVolumes } from '../../ports/metadata-volumes.ts'
import type { SecureLinks } from '../../ports/secure-link.ts'
import type { MirrorRecords } from './mirror-records.ts'
import type { OriginalTables } from './original-tables.ts'

/** What all parts of the kernel's datapath work with. */
export interface DatapathParts {
  readonly blockMapper: BlockMapper
  readonly replicator: BlockReplicator
  readonly metadataVolumes: MetadataVolumes
  /** Null where the host has none. */
  readonly links: SecureLinks | null
  readonly clock: Clock
  readonly random: Random
  readonly originals: OriginalTables
  readonly mirrors: MirrorRecords
  /** Names of the mirrors whose sides were told to part: they have not failed, they wait to be begun again. */
  readonly parted: Set<string>
}

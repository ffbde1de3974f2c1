import type { BlockMapper } from '../../ports/block-mapper.ts'
import type { BlockReplicator } from '../../ports/block-replicator.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataVolumes } from '../../ports/metadata-volumes.ts'
import type { SecureLinks } from '../../ports/secure-link.ts'
import type { OriginalTables } from './original-tables.ts'

/** What all parts of the kernel's datapath work with. */
export interface DatapathParts {
  readonly blockMapper: BlockMapper
  readonly replicator: BlockReplicator
  readonly metadataVolumes: MetadataVolumes
  /** Null where the host has none. */
  readonly links: SecureLinks | null
  readonly clock: Clock
  readonly originals: OriginalTables
}

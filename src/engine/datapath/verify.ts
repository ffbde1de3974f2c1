import type { VerificationResult } from '../../model/replication.ts'
import type { Mirror } from '../../ports/datapath.ts'
import { assertSynchronous } from './handover.ts'
import { mirrorName } from './names.ts'
import type { DatapathParts } from './parts.ts'

/** What is beyond the disk in the replicator's device is compared too, and is zeroes on both sides. */
export async function verifyMirror(
  parts: DatapathParts,
  mirror: Mirror,
  signal: AbortSignal,
): Promise<VerificationResult> {
  assertSynchronous(parts, mirror)
  const found = await parts.replicator.verify(mirrorName(mirror), signal)
  return { ...found, comparedBytes: mirror.disk.sizeBytes }
}

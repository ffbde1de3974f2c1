import { differenceBytes, lacksNothing, recordDifference } from './bitmaps.ts'
import type { DiskServers } from './disk-servers.ts'
import type { SourceRecord } from './mirror-record.ts'
import type { SourceMirror } from './source-mirror.ts'

/** The session since whose end it is known what differs; 0: there is none. */
export async function knownBase(
  servers: DiskServers,
  { id, vdi, base }: SourceRecord,
): Promise<number> {
  const { qmp } = servers.daemon(vdi)
  const isKnown = base !== 0 && (await differenceBytes(qmp, { id, session: base })) !== null
  return isKnown ? base : 0
}

/** Records from now on what differs. Answers the session, by which this is called; 0: the sides are not the same. */
export async function makeBase(servers: DiskServers, source: SourceMirror): Promise<number> {
  if (!(await source.isSynchronous())) return 0
  await source.arm()
  const { id, vdi, session } = source.record
  const { qmp } = servers.daemon(vdi)
  await recordDifference(qmp, { id, session })
  // A write that has failed at the target before has left its mark, or ended the mirror.
  const isSame = (await lacksNothing(qmp)) && (await source.isSynchronous())
  return isSame ? session : 0
}

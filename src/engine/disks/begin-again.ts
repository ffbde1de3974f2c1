import type { StorageEnvironment } from './environment.ts'
import type { ReplicationRecord, VdiRecord } from './records.ts'
import type { ReplicationBook } from './replication-book.ts'
import { toMirror } from './replication-records.ts'
import { hideSecret, secretBytes } from './secrets.ts'
import { toDisk } from './vdi-records.ts'
import type { VdiStates } from './vdi-states.ts'

export interface BeginAgainParts {
  readonly environment: StorageEnvironment
  readonly book: ReplicationBook
  readonly states: VdiStates
}

/** Nobody is about to mirror to it: it was kept, or what began again did not come to anything. */
export function isAtRest({ phase }: ReplicationRecord): boolean {
  return phase === 'kept' || phase === 'failed' || phase === 'offered'
}

/** Target: a replica is offered once more, under its id and a new secret. The caller holds the VDI's lock. */
export async function offerAgain(
  { environment, book, states }: BeginAgainParts,
  vdi: VdiRecord,
  present: ReplicationRecord,
  source: string | null,
): Promise<ReplicationRecord> {
  const { datapath, random } = environment
  const again = { secret: random.hex(secretBytes), source, hello: null, isArmed: false }
  const offered = { ...present, ...again, phase: 'offered' as const, reason: null }
  await book.begin(vdi, offered)
  const raised = await states.raise({ ...vdi, replication: present.id, isReplica: false })
  const { volumePath, format: volumeFormat } = toDisk(raised, 'replicate')
  const record = { ...offered, volumePath, volumeFormat }
  await book.put(record)
  await datapath.offer(toMirror(record)).catch((error: unknown) => {
    throw hideSecret(error, record.secret)
  })
  return record
}

/** Target: the source knows nothing of what differs, so that what is here must not be trusted. */
export async function resetTarget(
  { environment: { datapath }, book }: BeginAgainParts,
  record: ReplicationRecord,
): Promise<ReplicationRecord> {
  const old = toMirror(record)
  await datapath.close(old, 'nothing')
  // What leads to a closed mirror is a fence, and a mirror goes beneath a device that has none.
  await datapath.deactivate(old.disk)
  if (record.adopted === null) await datapath.activate(old.disk)
  else await datapath.adopt(old.disk, record.adopted)
  const reset: ReplicationRecord = { ...record, end: 'target' }
  await book.put({ ...reset, phase: 'accepting' })
  await datapath.offer(toMirror(reset))
  return reset
}

/** Source: what differs is still known as long as nobody has begun to copy. */
export async function keepAgain(
  { environment: { datapath }, book }: BeginAgainParts,
  kept: ReplicationRecord,
): Promise<void> {
  if (kept.kept) await datapath.keep(toMirror(kept), kept.kept.mode)
  await book.put(kept)
}

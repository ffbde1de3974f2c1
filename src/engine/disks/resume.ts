import type { KeyedLock } from '../../lib/keyed-lock.ts'
import type { StorageEnvironment } from './environment.ts'
import type { KeptReplicas } from './kept-replicas.ts'
import type { Records, ReplicationRecord, VdiRecord } from './records.ts'
import type { Relocations } from './relocations.ts'
import type { ReplicationTargets } from './replication-targets.ts'
import type { ReplicationWatcher } from './replication-watcher.ts'
import type { Replications } from './replications.ts'
import { unattached } from './vdi-records.ts'
import type { VdiStates } from './vdi-states.ts'

export interface ResumeParts {
  readonly environment: StorageEnvironment
  readonly vdiRecords: Records<VdiRecord>
  readonly replicationRecords: Records<ReplicationRecord>
  readonly replicas: KeptReplicas
  readonly watcher: ReplicationWatcher
  readonly states: VdiStates
  readonly replications: Replications
  readonly targets: ReplicationTargets
  readonly relocations: Relocations
  readonly lock: KeyedLock
}

const bootKey = 'boot'

/**
 * Brings the records and the host together after this daemon or the host was started anew: mirrors
 * that run in the kernel are watched again, what was half done is finished or taken back.
 */
export async function resumeAfterRestart(parts: ResumeParts): Promise<void> {
  const { environment, vdiRecords, replicationRecords, lock } = parts
  const { store, bootId, log } = environment
  const known = await store.get<string>(bootKey)
  const hasRestarted = known !== null && known.value !== bootId
  if (hasRestarted) await forgetKernelState(parts)
  for (const record of await replicationRecords.list()) {
    if (!(hasRestarted && isRevivable(record))) parts.watcher.note(record)
    await attempt(log, { replication: record.id }, () =>
      lock.run([record.vdi], () => resumeReplication(parts, record, hasRestarted)),
    )
  }
  // Not before: a daemon that ends on the way must bring up again what this one has not.
  await store.transact({ puts: [{ key: bootKey, value: bootId }] })
  for (const record of await vdiRecords.list()) {
    await attempt(log, { vdi: record.id }, () =>
      lock.run([record.id], () => resumeVdi(parts, record.id)),
    )
  }
}

/** The host was started anew: no device is there any more, and no VM that used one. */
async function forgetKernelState({ vdiRecords, replicationRecords }: ResumeParts): Promise<void> {
  for (const record of await replicationRecords.list()) {
    if (record.phase === 'stopping' || isRevivable(record)) continue
    await replicationRecords.put(afterReboot(record))
  }
  for (const record of await vdiRecords.list()) {
    if (record.state === 'detached') continue
    await vdiRecords.put({ ...record, ...unattached, state: 'detached' })
  }
}

/**
 * The VM may be started again, and nothing would note what it writes: so the source of a replica forgets that
 * it has one, before anything can be activated. A replica itself stays as it is, until it is mirrored to again.
 */
function afterReboot(record: ReplicationRecord): ReplicationRecord {
  const reason = 'the host was restarted'
  const { kept, phase, side } = record
  if (kept && side === 'source') return { ...record, phase: 'stopping', keep: 'volume', reason }
  if (kept && (phase === 'kept' || phase === 'keeping')) return { ...record, phase: 'kept', reason }
  return { ...record, phase: 'failed', reason }
}

/** The target of a copy that was under way, or a replica: what it has, and what it lacks, is on its disks. */
function isRevivable({ side, phase, hello, isArmed, kept }: ReplicationRecord): boolean {
  if (side !== 'target' || hello === null || isArmed) return false
  return phase === 'running' || (phase === 'kept' && kept?.mode === 'every-write')
}

async function resumeReplication(
  parts: ResumeParts,
  record: ReplicationRecord,
  hasRestarted: boolean,
): Promise<void> {
  const { replications, targets } = parts
  if (hasRestarted && isRevivable(record) && record.hello) {
    await targets.revive(record, record.hello).catch(async (error: unknown) => {
      await fail(parts, record, 'the host was restarted, and the mirror could not be brought up')
      throw error
    })
  }
  if (record.phase === 'stopping') await replications.finishStop(record)
  if (record.phase === 'keeping') await parts.replicas.finish(record)
  parts.replicas.watch(record)
  if (record.phase === 'preparing')
    await replications.finishStop({ ...record, phase: 'stopping', keep: 'volume' })
  if (record.phase === 'accepting') {
    // The source may have no answer, and a URI is good once.
    const reason = 'the storage manager was restarted while the source joined'
    await fail(parts, record, reason)
  }
}

async function fail(
  { watcher, replicationRecords }: ResumeParts,
  record: ReplicationRecord,
  reason: string,
): Promise<void> {
  const failed = { ...record, phase: 'failed' as const, reason }
  await replicationRecords.put(failed)
  watcher.note(failed)
}

/** Finishes, or takes back, what was begun on a VDI. The caller holds its lock. */
export async function resumeVdi(parts: ResumeParts, id: string): Promise<void> {
  const { vdiRecords, states, relocations } = parts
  const record = await vdiRecords.get(id)
  if (!record) return
  if (record.relocation) await relocations.resume(record)
  else if (record.unfinished) await states.destroy(record)
  else if (record.state === 'attached' && record.volumePath === null) await states.attach(record)
  else if (record.state === 'activated' && record.device === null) await states.activate(record)
  else if (record.state === 'adopted' && record.device === null)
    await vdiRecords.put({ ...record, ...unattached, state: 'detached' })
  await forgetUnused(parts, record.id)
}

/** A volume of the administrator's that nobody uses needs no record. */
async function forgetUnused({ vdiRecords }: ResumeParts, id: string): Promise<void> {
  const record = await vdiRecords.get(id)
  if (record && !record.managed && record.state === 'detached' && !record.replication)
    await vdiRecords.remove(id)
}

/** What cannot be mended now must not keep the rest from being mended. */
async function attempt(
  log: StorageEnvironment['log'],
  fields: Readonly<Record<string, string>>,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act()
  } catch (error) {
    log.error({ ...fields, error }, 'could not be resumed')
  }
}

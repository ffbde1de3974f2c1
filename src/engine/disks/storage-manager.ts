import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Relocation } from '../../model/relocation.ts'
import type { JoinAnswer, JoinRequest } from '../../ports/peers.ts'
import type { StorageManager } from '../../ports/storage-manager.ts'
import type { StorageEnvironment } from './environment.ts'
import { Handover } from './handover.ts'
import { KeptReplicas } from './kept-replicas.ts'
import { cleanLeftovers, listLeftovers } from './leftovers.ts'
import { createRecords, type ReplicationRecord, type SrRecord, type VdiRecord } from './records.ts'
import { Relocations } from './relocations.ts'
import { ReplicationBook } from './replication-book.ts'
import { ReplicationSources } from './replication-sources.ts'
import { ReplicationTargets } from './replication-targets.ts'
import { Replications } from './replications.ts'
import { resumeAfterRestart, resumeVdi } from './resume.ts'
import { Srs } from './srs.ts'
import { VdiCatalogue } from './vdi-catalogue.ts'
import { VdiStates } from './vdi-states.ts'
import { Vdis } from './vdis.ts'
import { Verifications } from './verifications.ts'

/** A storage manager as its own daemon sees it. */
export interface LocalStorageManager extends StorageManager {
  /** Between storage managers: the source, with the key of this fingerprint, answers the URI. @throws URI_REFUSED, SIZE_MISMATCH */
  join(replication: string, request: JoinRequest, fingerprint: string | null): Promise<JoinAnswer>
  /** Calls `listener` at once and at every change. @throws NOT_FOUND */
  watchRelocation(vdi: string, listener: (relocation: Relocation) => void): () => void
  /** Must have ended before anything else is asked. */
  resumeAfterRestart(): Promise<void>
  /** Stops watching. What runs in the kernel goes on. */
  close(): void
}

export function createStorageManager(environment: StorageEnvironment): LocalStorageManager {
  const { store, datapath, host, apiVersion, fingerprint } = environment
  const lock = createKeyedLock()
  const vdiRecords = createRecords<VdiRecord>(store, 'vdi')
  const replicationRecords = createRecords<ReplicationRecord>(store, 'replication')
  const srs = new Srs(environment, createRecords<SrRecord>(store, 'sr'), vdiRecords)
  const catalogue = new VdiCatalogue(environment, vdiRecords, srs)
  const vdiParts = { environment, records: vdiRecords, srs, catalogue }
  const states = new VdiStates(vdiParts)
  const vdis = new Vdis(vdiParts, states, lock)
  const book = new ReplicationBook(environment, replicationRecords, vdiRecords)
  const replicationParts = { environment, book, catalogue, states, lock }
  const replications = new Replications(replicationParts)
  const sources = new ReplicationSources(replicationParts, replications)
  const targets = new ReplicationTargets(replicationParts, replications)
  const replicas = new KeptReplicas({ environment, book, states, replications, lock })
  const relocations = new Relocations({ environment, vdiRecords, srs, catalogue, states, lock })
  const handover = new Handover(datapath, srs, catalogue, replications, lock)
  const { watcher } = book
  const verifications = new Verifications(environment, replicationRecords, watcher)

  const parts = {
    ...{ environment, vdiRecords, replicationRecords },
    ...{ states, replications, targets, replicas, watcher, relocations, lock },
  }
  const leftovers = () => listLeftovers(environment, vdiRecords, srs, watcher)
  const clean = () =>
    cleanLeftovers(environment, leftovers, (vdi) => lock.run([vdi], () => resumeVdi(parts, vdi)))

  return {
    facts: async () => {
      const { schemes, encryptionObstacle, deviceKind, keeps, verifies } = datapath.capabilities
      const told = { replicationSchemes: schemes, encryptionObstacle, deviceKind }
      return { host, apiVersion, fingerprint, ...told, keepModes: keeps, verifies }
    },
    listSrs: () => srs.list(),
    createSr: (create) => lock.run(['srs'], () => srs.create(create)),
    forgetSr: (sr) => lock.run(['srs'], () => srs.forget(sr)),
    listVdis: (filter) => catalogue.list(filter),
    getVdi: (vdi) => catalogue.get(vdi),
    createVdi: (create) => vdis.create(create),
    destroyVdi: (vdi) => vdis.destroy(vdi),
    attach: (vdi) => vdis.attach(vdi),
    activate: (vdi) => vdis.activate(vdi),
    deactivate: (vdi) => vdis.deactivate(vdi),
    detach: (vdi) => vdis.detach(vdi),
    adopt: (vdi, device) => vdis.adopt(vdi, device),
    disown: (vdi) => vdis.disown(vdi),
    getReplicationTarget: (vdi, schemes, source) => targets.offer(vdi, schemes, source),
    replicateTo: (vdi, uri) => sources.replicateTo(vdi, uri),
    join: (replication, request, fingerprint) => targets.join(replication, request, fingerprint),
    relocate: (vdi, sr) => relocations.begin(vdi, sr),
    watchRelocation: (vdi, listener) => relocations.watch(vdi, listener),
    followRelocation: (vdi, onChange, signal) => relocations.follow(vdi, onChange, signal),
    cancelRelocation: (vdi) => relocations.cancel(vdi),
    listReplications: async () => watcher.list(),
    getReplication: async (replication) => replications.get(replication),
    watchReplication(id, listener) {
      const stop = watcher.watch(id, listener)
      if (!stop) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
      return stop
    },
    limitReplication: (replication, bytesPerSecondMax) =>
      replications.limit(replication, bytesPerSecondMax),
    keepReplication: (replication, wanted) => replicas.keep(replication, wanted),
    verifyReplication: (replication) => verifications.begin(replication),
    stopReplication: (replication, keep) => replications.stop(replication, keep),
    armHandover: (disks) => handover.perform('arm', disks),
    releaseDisks: (disks) => handover.perform('release', disks),
    reclaimDisks: (disks) => handover.perform('reclaim', disks),
    takeDisks: (disks) => handover.perform('take', disks),
    leftovers,
    cleanLeftovers: clean,
    async resumeAfterRestart() {
      await resumeAfterRestart(parts)
      await clean()
    },
    close() {
      watcher.close()
      verifications.close()
      relocations.close()
      replicas.close()
    },
  }
}

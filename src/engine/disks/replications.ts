import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Replication } from '../../model/replication.ts'
import { formatReplicationUri, parseReplicationUri } from '../../model/replication-uri.ts'
import type { VdiState } from '../../model/vdi.ts'
import type { Mirror, MirrorHello } from '../../ports/datapath.ts'
import type { JoinAnswer, JoinRequest } from '../../ports/peers.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, ReplicationRecord, VdiRecord } from './records.ts'
import { checkSize, describe, refused, toMirror } from './replication-records.ts'
import { ReplicationWatcher } from './replication-watcher.ts'
import { equalSecrets, hideSecret } from './secrets.ts'
import type { VdiCatalogue } from './vdi-catalogue.ts'
import { refuseInUse, toDisk } from './vdi-records.ts'
import type { Vdis } from './vdis.ts'

const secretBytes = 24

export interface ReplicationParts {
  readonly environment: StorageEnvironment
  readonly replicationRecords: Records<ReplicationRecord>
  readonly vdiRecords: Records<VdiRecord>
  readonly catalogue: VdiCatalogue
  readonly vdis: Vdis
  readonly lock: KeyedLock
}

/** Mirrors of this host's VDIs, of those that leave and of those that arrive. */
export class Replications {
  readonly watcher: ReplicationWatcher
  readonly #environment: StorageEnvironment
  readonly #records: Records<ReplicationRecord>
  readonly #vdiRecords: Records<VdiRecord>
  readonly #catalogue: VdiCatalogue
  readonly #vdis: Vdis
  readonly #lock: KeyedLock

  constructor(parts: ReplicationParts) {
    this.#environment = parts.environment
    this.#records = parts.replicationRecords
    this.#vdiRecords = parts.vdiRecords
    this.#catalogue = parts.catalogue
    this.#vdis = parts.vdis
    this.#lock = parts.lock
    const { environment } = parts
    this.watcher = new ReplicationWatcher(environment.clock, (record, listener) =>
      environment.datapath.watch(toMirror(record), listener),
    )
  }

  /** Target: makes ready for a source. A URI that has not been used is answered again. */
  async offer(id: string, schemes?: readonly string[], source: string | null = null) {
    return await this.#lock.run([id], async () => {
      const { datapath, random } = this.#environment
      const provider = this.#choose(schemes)
      const vdi = await this.#catalogue.recorded(id)
      const present = vdi.replication ? await this.#records.get(vdi.replication) : null
      if (present?.phase === 'offered' && present.source === source) return this.#offered(present)
      refuseInUse(vdi)
      const attached = await this.#vdis.attachVolume(vdi)
      const record: ReplicationRecord = {
        ...describe(attached, random.uuid(), 'target', provider, random.hex(secretBytes), source),
        phase: 'offered',
      }
      await this.#begin(attached, record)
      try {
        await datapath.offer(toMirror(record))
      } catch (error) {
        await this.#takeBack(record, vdi.state)
        throw hideSecret(error, record.secret)
      }
      return this.#offered(record)
    })
  }

  /** Source: begins the mirror. When this rejects, nothing of it is left on this side. */
  async replicateTo(id: string, text: string): Promise<Replication> {
    const uri = parseReplicationUri(text)
    const { provider, replication, secret } = uri
    return await this.#lock.run([id], async () => {
      const { datapath, peers } = this.#environment
      if (!datapath.capabilities.schemes.includes(provider)) {
        const reason = `this host does not speak ${provider}`
        throw new CrosspoolError('URI_INVALID', { reason })
      }
      const vdi = await this.#catalogue.recorded(id)
      const present = await this.#records.get(replication)
      if (present?.vdi === id && present.side === 'source' && present.phase === 'running')
        return this.get(replication)
      refuseInUse(vdi)
      if (present) {
        const reason = 'it leads back to this storage manager'
        throw new CrosspoolError('URI_REFUSED', { reason })
      }
      checkSize(vdi.sizeBytes, uri.sizeBytes)
      // The mirror goes beneath the VM's device, so there must be one, also where no VM uses it yet.
      const active = await this.#vdis.raise(vdi)
      const record: ReplicationRecord = {
        ...describe(active, replication, 'source', provider, secret),
        phase: 'preparing',
      }
      await this.#begin(active, record)
      try {
        const mirror = toMirror(record)
        const hello = await datapath.prepare(mirror)
        const request = { secret, sizeBytes: vdi.sizeBytes, hello }
        const { welcome } = await peers.join(uri, replication, request)
        await datapath.start(mirror, welcome)
        await this.#put({ ...record, phase: 'running' })
      } catch (error) {
        await this.#takeBack(record, vdi.state)
        throw hideSecret(error, secret)
      }
      return this.get(replication)
    })
  }

  /** Target: the source, with the key of this fingerprint, answers the URI, which is good for this once. */
  async join(
    id: string,
    { secret, sizeBytes, hello }: JoinRequest,
    fingerprint: string | null,
  ): Promise<JoinAnswer> {
    const known = await this.#records.get(id)
    if (known?.side !== 'target') throw refused('it is not known here, or has been withdrawn')
    return await this.#lock.run([known.vdi], async () => {
      const record = await this.#records.get(id)
      if (!record) throw refused('it is not known here, or has been withdrawn')
      if (!equalSecrets(secret, record.secret)) throw refused('its secret is wrong')
      if (record.source !== null && record.source !== fingerprint)
        throw refused('it is for another host')
      if (record.phase !== 'offered') throw refused('it has been used')
      // Encryption may have been made a duty since then.
      if (!this.#environment.datapath.capabilities.schemes.includes(record.provider))
        throw refused(`${record.provider} is not spoken here any more`)
      checkSize(sizeBytes, record.sizeBytes)
      await this.#put({ ...record, hello, phase: 'accepting' })
      try {
        const welcome = await this.#environment.datapath.accept(toMirror(record), hello)
        await this.#applyLimit(record)
        await this.#put({ ...record, hello, phase: 'running' })
        return { welcome }
      } catch (error) {
        await this.#put({ ...record, phase: 'failed', reason: 'the source could not be accepted' })
        throw hideSecret(error, secret)
      }
    })
  }

  /** Target, after its host was started anew: the mirror goes on where it was. The caller holds the VDI's lock. */
  async revive(record: ReplicationRecord, hello: MirrorHello): Promise<void> {
    const vdi = await this.#vdis.raise(await this.#catalogue.recorded(record.vdi))
    const { volumePath, format: volumeFormat } = toDisk(vdi, 'replicate')
    const revived = { ...record, volumePath, volumeFormat }
    await this.#environment.datapath.accept(toMirror(revived), hello)
    await this.#applyLimit(revived)
    await this.#put(revived)
  }

  /** Target: from here on it may be handed over. */
  async noteArmed(id: string): Promise<void> {
    const record = await this.#records.get(id)
    if (record?.side === 'target' && !record.isArmed) await this.#put({ ...record, isArmed: true })
  }

  /** @throws NOT_FOUND */
  async limit(id: string, bytesPerSecondMax: number | null): Promise<Replication> {
    const { vdi } = this.get(id)
    return await this.#lock.run([vdi], async () => {
      const record = await this.#records.get(id)
      if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
      const limited = { ...record, bytesPerSecondMax }
      await this.#put(limited)
      if (record.phase === 'running') await this.#applyLimit(limited)
      return this.get(id)
    })
  }

  async stop(id: string, keep: 'volume' | 'nothing'): Promise<void> {
    const known = await this.#records.get(id)
    if (!known) return
    await this.#lock.run([known.vdi], async () => {
      const record = await this.#records.get(id)
      if (!record) return
      await this.finishStop({ ...record, phase: 'stopping', keep })
    })
  }

  /** Goes on from wherever it had come to. The caller holds the VDI's lock. */
  async finishStop(record: ReplicationRecord): Promise<void> {
    await this.#put(record)
    const vdi = await this.#vdiRecords.get(record.vdi)
    // After a reboot the volume may have been attached anew, elsewhere.
    const { volumePath, volumeFormat } = vdi?.volumePath
      ? { ...vdi, volumePath: vdi.volumePath }
      : record
    const mirror = toMirror({ ...record, volumePath, volumeFormat })
    await this.#environment.datapath.close(mirror, record.keep ?? 'volume')
    await this.#end(record)
  }

  /** @throws NOT_FOUND */
  get(id: string): Replication {
    const replication = this.watcher.get(id)
    if (!replication) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    return replication
  }

  /** The mirror of a VDI for its handover. @throws NOT_FOUND */
  async mirrorFor(vdi: string, id: string): Promise<Mirror> {
    const record = await this.#records.get(id)
    if (record?.vdi !== vdi) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    return toMirror(record)
  }

  async #applyLimit(record: ReplicationRecord): Promise<void> {
    const { bytesPerSecondMax } = record
    if (bytesPerSecondMax === undefined) return
    await this.#environment.datapath.limit(toMirror(record), bytesPerSecondMax)
  }

  /** The VDI and its replication name each other, or neither does. */
  async #begin(vdi: VdiRecord, record: ReplicationRecord): Promise<void> {
    await this.#environment.store.transact({
      puts: [
        { key: this.#vdiRecords.key(vdi.id), value: { ...vdi, replication: record.id } },
        { key: this.#records.key(record.id), value: record },
      ],
    })
    this.#note(record)
  }

  async #end(record: ReplicationRecord): Promise<void> {
    const vdi = await this.#vdiRecords.get(record.vdi)
    await this.#environment.store.transact({
      deletes: [this.#records.key(record.id)],
      puts:
        vdi?.replication === record.id
          ? [{ key: this.#vdiRecords.key(vdi.id), value: { ...vdi, replication: null } }]
          : [],
    })
    this.watcher.forget(record.id)
    this.#environment.log.info({ replication: record.id, vdi: record.vdi }, 'replication is gone')
  }

  async #put(record: ReplicationRecord): Promise<void> {
    await this.#records.put(record)
    this.#note(record)
  }

  #note(record: ReplicationRecord): void {
    this.watcher.note(record)
    const { id, vdi, side, phase } = record
    this.#environment.log.info({ replication: id, vdi, side, phase }, 'replication')
  }

  /** Its failure must not hide why; the record then stays, and a restart or `stop` tries again. */
  async #takeBack(record: ReplicationRecord, state: VdiState): Promise<void> {
    try {
      await this.finishStop({ ...record, phase: 'stopping', keep: 'volume' })
      await this.#vdis.lower(record.vdi, state)
    } catch (error) {
      const fields = { replication: record.id, vdi: record.vdi, error }
      this.#environment.log.error(fields, 'a replication could not be taken back')
    }
  }

  #choose(schemes?: readonly string[]): string {
    const { schemes: own, encryptionObstacle } = this.#environment.datapath.capabilities
    const scheme = own.find((candidate) => !schemes || schemes.includes(candidate))
    if (scheme) return scheme
    const mine = own.join(', ') || 'none'
    const obstacle = encryptionObstacle ? `; ${encryptionObstacle}` : ''
    const reason = `this host has ${mine}, the source ${schemes?.join(', ') || 'none'}${obstacle}`
    throw new CrosspoolError('NOT_SUPPORTED', { what: 'Replication', reason })
  }

  #offered({ id, provider, sizeBytes, secret }: ReplicationRecord) {
    const { url, fingerprint } = this.#environment
    const place = { provider, url, fingerprint, replication: id }
    const uri = formatReplicationUri({ ...place, sizeBytes, secret })
    return { uri, replication: id }
  }
}

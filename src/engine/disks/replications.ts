import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Replication } from '../../model/replication.ts'
import {
  formatReplicationUri,
  parseReplicationUri,
  type ReplicationUri,
} from '../../model/replication-uri.ts'
import type { VdiState } from '../../model/vdi.ts'
import type { Mirror, MirrorHello } from '../../ports/datapath.ts'
import type { JoinAnswer, JoinRequest } from '../../ports/peers.ts'
import {
  type BeginAgainParts,
  isAtRest,
  keepAgain,
  offerAgain,
  resetTarget,
} from './begin-again.ts'
import type { StorageEnvironment } from './environment.ts'
import type { ReplicationRecord, VdiRecord } from './records.ts'
import type { ReplicationBook } from './replication-book.ts'
import { checkSize, chooseScheme, describe, refused, toMirror } from './replication-records.ts'
import { equalSecrets, hideSecret, secretBytes } from './secrets.ts'
import type { VdiCatalogue } from './vdi-catalogue.ts'
import { refuseInUse, toDisk } from './vdi-records.ts'
import type { VdiStates } from './vdi-states.ts'

export interface ReplicationParts extends BeginAgainParts {
  readonly catalogue: VdiCatalogue
  readonly lock: KeyedLock
}

/** Mirrors of this host's VDIs, of those that leave and of those that arrive. */
export class Replications {
  readonly #environment: StorageEnvironment
  readonly #book: ReplicationBook
  readonly #again: BeginAgainParts
  readonly #catalogue: VdiCatalogue
  readonly #states: VdiStates
  readonly #lock: KeyedLock

  constructor(parts: ReplicationParts) {
    this.#environment = parts.environment
    this.#book = parts.book
    this.#again = parts
    this.#catalogue = parts.catalogue
    this.#states = parts.states
    this.#lock = parts.lock
  }

  /** Target: makes ready for a source. A URI that has not been used is answered again. */
  async offer(id: string, schemes?: readonly string[], source: string | null = null) {
    return await this.#lock.run([id], async () => {
      const { datapath, random } = this.#environment
      const provider = chooseScheme(datapath.capabilities, schemes)
      const vdi = await this.#catalogue.recorded(id)
      const present = vdi.replication ? await this.#book.records.get(vdi.replication) : null
      if (present?.phase === 'offered' && present.source === source) return this.#offered(present)
      if (present?.kept && present.side === 'target' && isAtRest(present))
        return this.#offered(await offerAgain(this.#again, vdi, present, source))
      refuseInUse(vdi)
      const attached = await this.#states.attach(vdi)
      const record: ReplicationRecord = {
        ...describe(attached, random.uuid(), 'target', provider, random.hex(secretBytes), source),
        phase: 'offered',
      }
      await this.#book.begin(attached, record)
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
    const { provider, replication } = uri
    return await this.#lock.run([id], async () => {
      const { datapath } = this.#environment
      if (!datapath.capabilities.schemes.includes(provider)) {
        const reason = `this host does not speak ${provider}`
        throw new CrosspoolError('URI_INVALID', { reason })
      }
      const vdi = await this.#catalogue.recorded(id)
      const present = await this.#book.records.get(replication)
      if (present?.vdi === id && present.side === 'source' && present.phase === 'running')
        return this.get(replication)
      const kept = vdi.replication ? await this.#book.records.get(vdi.replication) : null
      if (kept?.phase === 'kept' && kept.side === 'source') {
        checkSize(vdi.sizeBytes, uri.sizeBytes)
        if (kept.id === replication) return await this.#startAgain(kept, uri)
        // A disk has one replica: the one that it had goes out of date, and its host finds that out by itself.
        await this.finishStop({ ...kept, phase: 'stopping', keep: 'volume' })
        return await this.#startNew(await this.#catalogue.recorded(id), uri)
      }
      refuseInUse(vdi)
      if (present) {
        const reason = 'it leads back to this storage manager'
        throw new CrosspoolError('URI_REFUSED', { reason })
      }
      checkSize(vdi.sizeBytes, uri.sizeBytes)
      return await this.#startNew(vdi, uri)
    })
  }

  /** The mirror goes beneath the VM's device, so there must be one, also where no VM uses it yet. */
  async #startNew(vdi: VdiRecord, uri: ReplicationUri): Promise<Replication> {
    const { provider, replication, secret } = uri
    const active = await this.#states.raise(vdi)
    const record: ReplicationRecord = {
      ...describe(active, replication, 'source', provider, secret),
      phase: 'preparing',
    }
    await this.#book.begin(active, record)
    try {
      await this.#start(record, await this.#join(record, uri, false))
    } catch (error) {
      await this.#takeBack(record, vdi.state)
      throw hideSecret(error, secret)
    }
    return this.get(replication)
  }

  /** Source of a replica: from here on it is a mirror again, which copies what differs. */
  async #startAgain(kept: ReplicationRecord, uri: ReplicationUri): Promise<Replication> {
    const record: ReplicationRecord = { ...kept, secret: uri.secret, phase: 'preparing' }
    await this.#book.put(record)
    const welcome = await this.#join(record, uri, true).catch(async (error: unknown) => {
      await keepAgain(this.#again, kept).catch(() => this.#takeBack(kept, 'activated'))
      throw hideSecret(error, uri.secret)
    })
    try {
      await this.#start(record, welcome)
    } catch (error) {
      // It may have begun to copy: what differs is not certain any more.
      await this.#takeBack(record, 'activated')
      throw hideSecret(error, uri.secret)
    }
    return this.get(kept.id)
  }

  async #join(record: ReplicationRecord, uri: ReplicationUri, continues: boolean) {
    const { datapath, peers } = this.#environment
    const { id, secret, sizeBytes } = record
    const hello = await datapath.prepare(toMirror(record))
    const { welcome } = await peers.join(uri, id, { secret, sizeBytes, hello, continues })
    return welcome
  }

  async #start(record: ReplicationRecord, welcome: MirrorHello): Promise<void> {
    await this.#environment.datapath.start(toMirror(record), welcome)
    await this.#book.put({ ...record, phase: 'running' })
  }

  /** Target: the source, with the key of this fingerprint, answers the URI, which is good for this once. */
  async join(
    id: string,
    { secret, sizeBytes, hello, continues = false }: JoinRequest,
    fingerprint: string | null,
  ): Promise<JoinAnswer> {
    const known = await this.#book.records.get(id)
    if (known?.side !== 'target') throw refused('it is not known here, or has been withdrawn')
    return await this.#lock.run([known.vdi], async () => {
      const record = await this.#book.records.get(id)
      if (!record) throw refused('it is not known here, or has been withdrawn')
      if (!equalSecrets(secret, record.secret)) throw refused('its secret is wrong')
      if (record.source !== null && record.source !== fingerprint)
        throw refused('it is for another host')
      if (record.phase !== 'offered') throw refused('it has been used')
      // Encryption may have been made a duty since then.
      if (!this.#environment.datapath.capabilities.schemes.includes(record.provider))
        throw refused(`${record.provider} is not spoken here any more`)
      checkSize(sizeBytes, record.sizeBytes)
      await this.#book.put({ ...record, hello, phase: 'accepting' })
      try {
        const joined = record.kept && !continues ? await resetTarget(this.#again, record) : record
        const welcome = await this.#environment.datapath.accept(toMirror(joined), hello)
        await this.#applyLimit(joined)
        await this.#book.put({ ...joined, hello, phase: 'running' })
        return { welcome }
      } catch (error) {
        await this.#book.put({
          ...record,
          phase: 'failed',
          reason: 'the source could not be accepted',
        })
        throw hideSecret(error, secret)
      }
    })
  }

  /** Target, after its host was started anew: the mirror goes on where it was. The caller holds the VDI's lock. */
  async revive(record: ReplicationRecord, hello: MirrorHello): Promise<void> {
    const vdi = await this.#states.raise(await this.#catalogue.recorded(record.vdi))
    const { volumePath, format: volumeFormat } = toDisk(vdi, 'replicate')
    const revived = { ...record, volumePath, volumeFormat }
    await this.#environment.datapath.accept(toMirror(revived), hello)
    await this.#applyLimit(revived)
    if (record.kept && record.phase === 'kept') {
      await this.#environment.datapath.keep(toMirror(revived), record.kept.mode)
      await this.#states.lower(record.vdi, 'attached')
    }
    await this.#book.put(revived)
  }

  /** Target: from here on it may be handed over. */
  async noteArmed(id: string): Promise<void> {
    const record = await this.#book.records.get(id)
    if (record?.side === 'target' && !record.isArmed)
      await this.#book.put({ ...record, isArmed: true })
  }

  /** @throws NOT_FOUND */
  async limit(id: string, bytesPerSecondMax: number | null): Promise<Replication> {
    const { vdi } = this.get(id)
    return await this.#lock.run([vdi], async () => {
      const record = await this.#book.records.get(id)
      if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
      const limited = { ...record, bytesPerSecondMax }
      await this.#book.put(limited)
      if (record.phase === 'running') await this.#applyLimit(limited)
      return this.get(id)
    })
  }

  async stop(id: string, keep: 'volume' | 'nothing'): Promise<void> {
    const known = await this.#book.records.get(id)
    if (!known) return
    await this.#lock.run([known.vdi], async () => {
      const record = await this.#book.records.get(id)
      if (!record) return
      // The VM is at the source of a replica, which is never what goes.
      const isKeptSource = record.phase === 'kept' && record.side === 'source'
      await this.finishStop({ ...record, phase: 'stopping', keep: isKeptSource ? 'volume' : keep })
      if (isKeptSource) await this.#states.giveBackAdopted(record.vdi)
    })
  }

  /** Goes on from wherever it had come to. The caller holds the VDI's lock. */
  async finishStop(record: ReplicationRecord): Promise<void> {
    await this.#book.put(record)
    const vdi = await this.#book.vdis.get(record.vdi)
    // After a reboot the volume may have been attached anew, elsewhere.
    const { volumePath, volumeFormat } = vdi?.volumePath
      ? { ...vdi, volumePath: vdi.volumePath }
      : record
    const mirror = toMirror({ ...record, volumePath, volumeFormat })
    await this.#environment.datapath.close(mirror, record.keep ?? 'volume')
    if (record.kept && record.side === 'target' && record.keep === 'nothing' && vdi)
      await this.#states.giveUp(vdi)
    await this.#book.end(record)
  }

  /** @throws NOT_FOUND */
  get(id: string): Replication {
    const replication = this.#book.watcher.get(id)
    if (!replication) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    return replication
  }

  /** The mirror of a VDI for its handover. @throws NOT_FOUND */
  async mirrorFor(vdi: string, id: string): Promise<Mirror> {
    const record = await this.#book.records.get(id)
    if (record?.vdi !== vdi) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    if (record.phase === 'kept' || record.phase === 'keeping')
      throw new CrosspoolError('REPLICATION_LOST', { id, state: 'kept, and not begun again' })
    return toMirror(record)
  }

  async #applyLimit(record: ReplicationRecord): Promise<void> {
    const { bytesPerSecondMax } = record
    if (bytesPerSecondMax === undefined) return
    await this.#environment.datapath.limit(toMirror(record), bytesPerSecondMax)
  }

  /** Its failure must not hide why; the record then stays, and a restart or `stop` tries again. */
  async #takeBack(record: ReplicationRecord, state: VdiState): Promise<void> {
    try {
      await this.finishStop({ ...record, phase: 'stopping', keep: 'volume' })
      await this.#states.lower(record.vdi, state)
    } catch (error) {
      const fields = { replication: record.id, vdi: record.vdi, error }
      this.#environment.log.error(fields, 'a replication could not be taken back')
    }
  }

  #offered({ id, provider, sizeBytes, secret }: ReplicationRecord) {
    const { url, fingerprint } = this.#environment
    const place = { provider, url, fingerprint, replication: id }
    const uri = formatReplicationUri({ ...place, sizeBytes, secret })
    return { uri, replication: id }
  }
}

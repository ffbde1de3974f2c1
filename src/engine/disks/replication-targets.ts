import { formatReplicationUri } from '../../model/replication-uri.ts'
import type { MirrorHello } from '../../ports/datapath.ts'
import type { JoinAnswer, JoinRequest } from '../../ports/peers.ts'
import type { ReplicationRecord, VdiRecord } from './records.ts'
import { checkSize, chooseScheme, describe, refused, toMirror } from './replication-records.ts'
import type { ReplicationParts, Replications } from './replications.ts'
import { equalSecrets, hideSecret, secretBytes } from './secrets.ts'
import { refuseInUse, toDisk } from './vdi-records.ts'

/** The side where a disk arrives: it gives a URI away, and accepts the one who answers it. */
export class ReplicationTargets {
  readonly #parts: ReplicationParts
  readonly #replications: Replications

  constructor(parts: ReplicationParts, replications: Replications) {
    this.#parts = parts
    this.#replications = replications
  }

  /** Makes ready for a source. A URI that has not been used is answered again. */
  async offer(id: string, schemes?: readonly string[], source: string | null = null) {
    const { environment, book, catalogue, states, lock } = this.#parts
    const { datapath, random } = environment
    return await lock.run([id], async () => {
      const provider = chooseScheme(datapath.capabilities, schemes)
      const vdi = await catalogue.recorded(id)
      const present = vdi.replication ? await book.records.get(vdi.replication) : null
      if (present?.phase === 'offered' && present.source === source) return this.#offered(present)
      if (present?.kept && present.side === 'target' && isAtRest(present))
        return this.#offered(await this.#offerAgain(vdi, present, source))
      refuseInUse(vdi)
      const attached = await states.attach(vdi)
      const record: ReplicationRecord = {
        ...describe(attached, random.uuid(), 'target', provider, random.hex(secretBytes), source),
        phase: 'offered',
      }
      await book.begin(attached, record)
      try {
        await datapath.offer(toMirror(record))
      } catch (error) {
        await this.#replications.takeBack(record, vdi.state)
        throw hideSecret(error, record.secret)
      }
      return this.#offered(record)
    })
  }

  /** The source, with the key of this fingerprint, answers the URI, which is good for this once. */
  async join(
    id: string,
    { secret, sizeBytes, hello, continues = false }: JoinRequest,
    fingerprint: string | null,
  ): Promise<JoinAnswer> {
    const { book, environment, lock } = this.#parts
    const { datapath } = environment
    const known = await book.records.get(id)
    if (known?.side !== 'target') throw refused('it is not known here, or has been withdrawn')
    return await lock.run([known.vdi], async () => {
      const record = await book.records.get(id)
      if (!record) throw refused('it is not known here, or has been withdrawn')
      if (!equalSecrets(secret, record.secret)) throw refused('its secret is wrong')
      if (record.source !== null && record.source !== fingerprint)
        throw refused('it is for another host')
      if (record.phase !== 'offered') throw refused('it has been used')
      // Encryption may have been made a duty since then.
      if (!datapath.capabilities.schemes.includes(record.provider))
        throw refused(`${record.provider} is not spoken here any more`)
      checkSize(sizeBytes, record.sizeBytes)
      await book.put({ ...record, hello, phase: 'accepting' })
      try {
        const joined = record.kept && !continues ? await this.#resetTarget(record) : record
        const welcome = await datapath.accept(toMirror(joined), hello)
        await this.#replications.applyLimit(joined)
        await book.put({ ...joined, hello, phase: 'running' })
        return { welcome }
      } catch (error) {
        // What was here before may have been closed, and this be another end of the mirror.
        const present = (await book.records.get(id)) ?? record
        const reason = 'the source could not be accepted'
        await book.put({ ...present, hello: null, phase: 'failed', reason })
        throw hideSecret(error, secret)
      }
    })
  }

  /** After its host was started anew: the mirror goes on where it was. The caller holds the VDI's lock. */
  async revive(record: ReplicationRecord, hello: MirrorHello): Promise<void> {
    const { book, catalogue, environment, states } = this.#parts
    const { datapath } = environment
    const vdi = await states.raise(await catalogue.recorded(record.vdi))
    const { volumePath, format: volumeFormat } = toDisk(vdi, 'replicate')
    const revived = { ...record, volumePath, volumeFormat }
    await datapath.accept(toMirror(revived), hello)
    await this.#replications.applyLimit(revived)
    if (record.kept && record.phase === 'kept') {
      await datapath.keep(toMirror(revived), record.kept.mode)
      await states.lower(record.vdi, 'attached')
    }
    await book.put(revived)
  }

  /** A replica is offered once more, under its id and a new secret. The caller holds the VDI's lock. */
  async #offerAgain(
    vdi: VdiRecord,
    present: ReplicationRecord,
    source: string | null,
  ): Promise<ReplicationRecord> {
    const { environment, book, states } = this.#parts
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

  /** The source knows nothing of what differs, so that what is here must not be trusted. */
  async #resetTarget(record: ReplicationRecord): Promise<ReplicationRecord> {
    const { environment, book } = this.#parts
    const { datapath } = environment
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

  #offered({ id, provider, sizeBytes, secret }: ReplicationRecord) {
    const { url, fingerprint } = this.#parts.environment
    const place = { provider, url, fingerprint, replication: id }
    const uri = formatReplicationUri({ ...place, sizeBytes, secret })
    return { uri, replication: id }
  }
}

/** Nobody is about to mirror to it: it was kept, or what began again did not come to anything. */
function isAtRest({ phase }: ReplicationRecord): boolean {
  return phase === 'kept' || phase === 'failed' || phase === 'offered'
}

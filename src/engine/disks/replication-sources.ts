import { CrosspoolError } from '../../model/errors.ts'
import type { Replication } from '../../model/replication.ts'
import { parseReplicationUri, type ReplicationUri } from '../../model/replication-uri.ts'
import type { MirrorHello } from '../../ports/datapath.ts'
import type { ReplicationRecord, VdiRecord } from './records.ts'
import { checkSize, describe, toMirror } from './replication-records.ts'
import type { ReplicationParts, Replications } from './replications.ts'
import { hideSecret } from './secrets.ts'
import { refuseInUse } from './vdi-records.ts'

/** The side that a disk leaves: it answers a URI, and the mirror goes beneath the VM's device. */
export class ReplicationSources {
  readonly #parts: ReplicationParts
  readonly #replications: Replications

  constructor(parts: ReplicationParts, replications: Replications) {
    this.#parts = parts
    this.#replications = replications
  }

  /** Begins the mirror. When this rejects, nothing of it is left on this side. */
  async replicateTo(id: string, text: string): Promise<Replication> {
    const uri = parseReplicationUri(text)
    const { provider, replication } = uri
    const { book, catalogue, environment, lock } = this.#parts
    return await lock.run([id], async () => {
      if (!environment.datapath.capabilities.schemes.includes(provider)) {
        const reason = `this host does not speak ${provider}`
        throw new CrosspoolError('URI_INVALID', { reason })
      }
      const vdi = await catalogue.recorded(id)
      const present = await book.records.get(replication)
      if (present?.vdi === id && present.side === 'source' && present.phase === 'running')
        return this.#replications.get(replication)
      const kept = vdi.replication ? await book.records.get(vdi.replication) : null
      if (kept?.phase === 'kept' && kept.side === 'source') {
        checkSize(vdi.sizeBytes, uri.sizeBytes)
        if (kept.id === replication) return await this.#startAgain(kept, uri)
        // A disk has one replica: the one that it had goes out of date, and its host finds that out by itself.
        await this.#replications.finishStop({ ...kept, phase: 'stopping', keep: 'volume' })
        return await this.#startNew(await catalogue.recorded(id), uri)
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
    const active = await this.#parts.states.raise(vdi)
    const record: ReplicationRecord = {
      ...describe(active, replication, 'source', provider, secret),
      phase: 'preparing',
    }
    await this.#parts.book.begin(active, record)
    try {
      await this.#start(record, await this.#join(record, uri, false))
    } catch (error) {
      await this.#replications.takeBack(record, vdi.state)
      throw hideSecret(error, secret)
    }
    return this.#replications.get(replication)
  }

  /** Of a disk with a replica: from here on it is a mirror again, which copies what differs. */
  async #startAgain(kept: ReplicationRecord, uri: ReplicationUri): Promise<Replication> {
    const record: ReplicationRecord = { ...kept, secret: uri.secret, phase: 'preparing' }
    await this.#parts.book.put(record)
    const welcome = await this.#join(record, uri, true).catch(async (error: unknown) => {
      await this.#keepAgain(kept).catch(() => this.#replications.takeBack(kept, 'activated'))
      throw hideSecret(error, uri.secret)
    })
    try {
      await this.#start(record, welcome)
    } catch (error) {
      // It may have begun to copy: what differs is not certain any more.
      await this.#replications.takeBack(record, 'activated')
      throw hideSecret(error, uri.secret)
    }
    return this.#replications.get(kept.id)
  }

  async #join(record: ReplicationRecord, uri: ReplicationUri, continues: boolean) {
    const { datapath, peers } = this.#parts.environment
    const { id, secret, sizeBytes } = record
    const hello = await datapath.prepare(toMirror(record))
    const { welcome } = await peers.join(uri, id, { secret, sizeBytes, hello, continues })
    return welcome
  }

  async #start(record: ReplicationRecord, welcome: MirrorHello): Promise<void> {
    await this.#parts.environment.datapath.start(toMirror(record), welcome)
    await this.#parts.book.put({ ...record, phase: 'running' })
  }

  /** What differs is still known as long as nobody has begun to copy. */
  async #keepAgain(kept: ReplicationRecord): Promise<void> {
    const { environment, book } = this.#parts
    if (kept.kept) await environment.datapath.keep(toMirror(kept), kept.kept.mode)
    await book.put(kept)
  }
}

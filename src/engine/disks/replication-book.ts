import { CrosspoolError } from '../../model/errors.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, ReplicationRecord, VdiRecord } from './records.ts'
import { toMirror } from './replication-records.ts'
import { ReplicationWatcher } from './replication-watcher.ts'

/** The records of all replications, as they are written and as everybody sees them. */
export class ReplicationBook {
  readonly records: Records<ReplicationRecord>
  readonly vdis: Records<VdiRecord>
  readonly watcher: ReplicationWatcher
  readonly #environment: StorageEnvironment

  constructor(
    environment: StorageEnvironment,
    records: Records<ReplicationRecord>,
    vdis: Records<VdiRecord>,
  ) {
    this.#environment = environment
    this.records = records
    this.vdis = vdis
    this.watcher = new ReplicationWatcher(environment.clock, (record, listener) =>
      environment.datapath.watch(toMirror(record), listener),
    )
  }

  /** The VDI and its replication name each other, or neither does. */
  async begin(vdi: VdiRecord, record: ReplicationRecord): Promise<void> {
    const isReplica = ['keeping', 'kept'].includes(record.phase) && record.side === 'target'
    const value: VdiRecord = { ...vdi, replication: record.id, isReplica }
    await this.#environment.store.transact({
      puts: [
        { key: this.vdis.key(vdi.id), value },
        { key: this.records.key(record.id), value: record },
      ],
    })
    this.note(record)
  }

  async end(record: ReplicationRecord): Promise<void> {
    const vdi = await this.vdis.get(record.vdi)
    const isItsOwn = vdi?.replication === record.id
    // A volume of the administrator's that nobody uses needs no record.
    const isForgotten = isItsOwn && !vdi.managed && vdi.state === 'detached'
    const free = { replication: null, isReplica: false }
    await this.#environment.store.transact({
      deletes: [this.records.key(record.id), ...(isForgotten ? [this.vdis.key(vdi.id)] : [])],
      puts:
        isItsOwn && !isForgotten
          ? [{ key: this.vdis.key(vdi.id), value: { ...vdi, ...free } }]
          : [],
    })
    this.watcher.forget(record.id)
    this.#environment.log.info({ replication: record.id, vdi: record.vdi }, 'replication is gone')
  }

  async put(record: ReplicationRecord): Promise<void> {
    await this.records.put(record)
    this.note(record)
  }

  /** @throws NOT_FOUND */
  async find(id: string): Promise<ReplicationRecord> {
    const record = await this.records.get(id)
    if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'replication', id })
    return record
  }

  note(record: ReplicationRecord): void {
    this.watcher.note(record)
    const { id, vdi, side, phase } = record
    this.#environment.log.info({ replication: id, vdi, side, phase }, 'replication')
  }
}

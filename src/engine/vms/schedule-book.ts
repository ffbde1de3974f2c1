import { createKeyedLock } from '../../lib/keyed-lock.ts'
import type { Json, RecordStore } from '../../ports/record-store.ts'
import type { ScheduleRecord } from './schedule-records.ts'

const prefix = 'replica-schedules/'

/** The schedules of this host, one for each VM: durable, and changed by one at a time. */
export class ScheduleBook {
  readonly #store: RecordStore
  readonly #lock = createKeyedLock()

  constructor(store: RecordStore) {
    this.#store = store
  }

  async list(): Promise<ScheduleRecord[]> {
    const records = await this.#store.list<Json>(prefix)
    return records.map(({ value }) => value as unknown as ScheduleRecord)
  }

  async read(vm: string): Promise<ScheduleRecord | null> {
    const record = await this.#store.get<Json>(prefix + vm)
    return record === null ? null : (record.value as unknown as ScheduleRecord)
  }

  /** Nobody else changes the schedule of this VM meanwhile. */
  async alone(vm: string, work: (record: ScheduleRecord | null) => Promise<void>): Promise<void> {
    await this.#lock.run([vm], async () => work(await this.read(vm)))
  }

  /** One that is not there any more stays away. */
  async change(vm: string, change: (record: ScheduleRecord) => ScheduleRecord): Promise<void> {
    await this.alone(vm, async (record) => {
      if (record) await this.save(change(record))
    })
  }

  /** For whoever is alone with it. */
  async save(record: ScheduleRecord): Promise<void> {
    const value = record as unknown as Json
    await this.#store.transact({ puts: [{ key: prefix + record.vm, value }] })
  }

  /** One that is not there is no error. */
  async remove(vm: string): Promise<void> {
    await this.alone(vm, async () => {
      await this.#store.transact({ deletes: [prefix + vm] })
    })
  }
}

import { z } from 'zod'
import type { RecordStore } from '../../ports/record-store.ts'
import { XenApiFailure } from './failure.ts'

const prefix = 'xenapi/other-config/'
const notesSchema = z.record(z.string(), z.string())
type Texts = Readonly<Record<string, string>>

/** Clients write there who they are and wait for it to come back as an event; it needs no more. */
const notesMax = 100
const charactersMax = 4_096

/** `other_config`: what clients note beside an object, in the daemon's own store of records. */
export class Notes {
  readonly #store: RecordStore

  constructor(store: RecordStore) {
    this.#store = store
  }

  async all(): Promise<ReadonlyMap<string, Texts>> {
    const records = await this.#store.list(prefix)
    return new Map(
      records.map(({ key, value }) => [
        key.slice(prefix.length),
        notesSchema.safeParse(value).data ?? {},
      ]),
    )
  }

  add(className: string, ref: string, key: string, value: string): Promise<void> {
    return this.#change(ref, (notes) => {
      const before = notes[key]
      if (before !== undefined)
        throw new XenApiFailure(
          'MAP_DUPLICATE_KEY',
          ...[className, 'other_config', ref, key, before, value],
        )
      return { ...notes, [key]: value }
    })
  }

  remove(ref: string, key: string): Promise<void> {
    return this.#change(ref, (notes) =>
      Object.fromEntries(Object.entries(notes).filter(([name]) => name !== key)),
    )
  }

  set(ref: string, notes: Texts): Promise<void> {
    return this.#change(ref, () => notes)
  }

  /** Two clients may write at once: whoever comes second reads again. */
  async #change(ref: string, change: (notes: Texts) => Texts): Promise<void> {
    const key = prefix + ref
    for (;;) {
      const record = await this.#store.get(key)
      const value = change(notesSchema.safeParse(record?.value).data ?? {})
      if (
        Object.keys(value).length > notesMax ||
        JSON.stringify(value).length > notesMax * charactersMax
      )
        throw new XenApiFailure('OPERATION_NOT_ALLOWED', 'other_config is for short notes')
      const condition = { key, revision: record?.revision ?? null }
      if (await this.#store.transact({ conditions: [condition], puts: [{ key, value }] })) return
    }
  }
}

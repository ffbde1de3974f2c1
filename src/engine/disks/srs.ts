import { isDeepStrictEqual } from 'node:util'
import { CrosspoolError } from '../../model/errors.ts'
import type { Sr, SrCreate } from '../../model/sr.ts'
import type { Json } from '../../ports/record-store.ts'
import type { Volume, VolumeStore } from '../../ports/volume-store.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, SrRecord, VdiRecord } from './records.ts'

/** A volume and where it is. */
export interface LocatedVolume {
  readonly sr: string
  readonly volume: Volume
}

/** The SRs of this host and their volume stores. */
export class Srs {
  readonly #environment: StorageEnvironment
  readonly #records: Records<SrRecord>
  readonly #vdis: Records<VdiRecord>
  readonly #opened = new Map<string, Promise<VolumeStore>>()

  constructor(
    environment: StorageEnvironment,
    records: Records<SrRecord>,
    vdis: Records<VdiRecord>,
  ) {
    this.#environment = environment
    this.#records = records
    this.#vdis = vdis
  }

  /** One that cannot be used at the moment is listed with no space, and does not hide the others. */
  async list(): Promise<readonly Sr[]> {
    return await Promise.all(
      (await this.#records.list()).map(async (record) => {
        try {
          return await this.#describe(record)
        } catch (error) {
          this.#environment.log.warn({ sr: record.id, error }, 'SR cannot be used')
          const { id, name, type, configuration } = record
          const nothing = { shared: false, canCreate: false, sizeBytes: 0, freeBytes: 0 }
          return { id, name, type, configuration, ...nothing }
        }
      }),
    )
  }

  async create(create: SrCreate): Promise<Sr> {
    const known = await this.#records.list()
    const same = known.find(({ id, name }) => id === create.id || name === create.name)
    if (same) {
      const isRepeated =
        (create.id === undefined || create.id === same.id) &&
        create.name === same.name &&
        create.type === same.type &&
        isDeepStrictEqual(create.configuration, same.configuration)
      if (isRepeated) return await this.#describe(same)
      throw new CrosspoolError('ALREADY_EXISTS', { kind: 'sr', id: create.name })
    }
    const record: SrRecord = {
      id: create.id ?? this.#environment.random.uuid(),
      name: create.name,
      type: create.type,
      configuration: toJson(create.configuration),
    }
    const sr = await this.#describe(record)
    await this.#records.put(record)
    return sr
  }

  async forget(sr: string): Promise<void> {
    const record = await this.#records.get(sr)
    if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'sr', id: sr })
    const vdis = (await this.#vdis.list()).filter((vdi) => vdi.sr === sr)
    const used = vdis.find((vdi) => vdi.state !== 'detached' || vdi.replication || vdi.unfinished)
    if (used) throw new CrosspoolError('BUSY', { kind: 'sr', id: sr, user: `VDI ${used.id}` })
    for (const { id } of vdis) await this.#vdis.remove(id)
    await this.#records.remove(sr)
    this.#opened.delete(sr)
  }

  /** The volume store of an SR, opened. @throws NOT_FOUND, SR_UNUSABLE */
  async open(sr: string): Promise<VolumeStore> {
    const record = await this.#records.get(sr)
    if (!record) throw new CrosspoolError('NOT_FOUND', { kind: 'sr', id: sr })
    return await this.#open(record)
  }

  /** @throws NOT_FOUND when the SR has no such volume */
  async volume(sr: string, id: string): Promise<Volume> {
    const volume = (await (await this.open(sr)).list()).find((candidate) => candidate.id === id)
    if (!volume) throw new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
    return volume
  }

  /** The volumes of all SRs that can be used, or of the one that is named. @throws SR_UNUSABLE for that one */
  async volumes(sr?: string): Promise<readonly LocatedVolume[]> {
    if (sr !== undefined) return locate(sr, await (await this.open(sr)).list())
    const found = (await this.#records.list()).map(async (record) => {
      try {
        return locate(record.id, await (await this.#open(record)).list())
      } catch (error) {
        this.#environment.log.warn({ sr: record.id, error }, 'SR cannot be used')
        return []
      }
    })
    return (await Promise.all(found)).flat()
  }

  async #describe(record: SrRecord): Promise<Sr> {
    const store = await this.#open(record)
    const { id, name, type, configuration } = record
    const { shared, canCreate } = store.capabilities
    return { id, name, type, configuration, shared, canCreate, ...(await store.capacity()) }
  }

  async #open(record: SrRecord): Promise<VolumeStore> {
    const opened = this.#opened.get(record.id) ?? this.#make(record)
    this.#opened.set(record.id, opened)
    try {
      return await opened
    } catch (error) {
      // The administrator may mend it; the next one looks anew.
      if (this.#opened.get(record.id) === opened) this.#opened.delete(record.id)
      throw error
    }
  }

  async #make({ id, type, configuration }: SrRecord): Promise<VolumeStore> {
    const { volumeStores } = this.#environment
    const factory = Object.hasOwn(volumeStores, type) ? volumeStores[type] : undefined
    if (!factory) {
      const reason = `this host knows ${Object.keys(volumeStores).join(', ')}`
      throw new CrosspoolError('NOT_SUPPORTED', { what: `SR type ${type}`, reason })
    }
    const store = factory({ id, configuration })
    await store.open()
    return store
  }
}

function locate(sr: string, volumes: readonly Volume[]): readonly LocatedVolume[] {
  return volumes.map((volume) => ({ sr, volume }))
}

function toJson(configuration: Readonly<Record<string, unknown>>): Readonly<Record<string, Json>> {
  return JSON.parse(JSON.stringify(configuration))
}

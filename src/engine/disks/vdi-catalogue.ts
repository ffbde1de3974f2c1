import { CrosspoolError } from '../../model/errors.ts'
import type { Vdi } from '../../model/vdi.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, VdiRecord } from './records.ts'
import type { Srs } from './srs.ts'
import { mergeVdi, toVdi, unusedVdi } from './vdi-records.ts'

/** Which VDIs there are: the volume stores know the volumes, the records how they are used. */
export class VdiCatalogue {
  readonly #environment: StorageEnvironment
  readonly #records: Records<VdiRecord>
  readonly #srs: Srs

  constructor(environment: StorageEnvironment, records: Records<VdiRecord>, srs: Srs) {
    this.#environment = environment
    this.#records = records
    this.#srs = srs
  }

  async list(filter: { readonly sr?: string; readonly device?: string } = {}) {
    const records = await this.#records.list()
    // A device that we have made: no SR has to be looked through for it.
    const own = records.find(
      ({ device, state }) => state === 'activated' && device === filter.device,
    )
    if (own && filter.sr === undefined && !own.unfinished) return [await this.get(own.id)]
    const located = await this.#srs.volumes(filter.sr)
    const byId = new Map(records.map((record) => [record.id, record]))
    const vdis = located
      // While one moves there are two volumes of its id.
      .filter(({ sr, volume }) => (byId.get(volume.id)?.relocation?.sr ?? null) !== sr)
      .map((one) => ({ vdi: mergeVdi(one, byId.get(one.volume.id)), paths: one.volume.paths }))
      .filter(({ vdi }) => vdi.unfinished === null)
    if (filter.device === undefined) return vdis.map(({ vdi }) => toVdi(vdi))
    const wanted = await this.#names([filter.device])
    const found: Vdi[] = []
    for (const { vdi, paths } of vdis) {
      const names = [...paths, ...(await this.#names([vdi.device, vdi.volumePath]))]
      if (names.some((name) => wanted.includes(name))) found.push(toVdi(vdi))
    }
    return found
  }

  async get(id: string): Promise<Vdi> {
    return toVdi(await this.find(id))
  }

  /** With the volume's present facts. @throws NOT_FOUND */
  async find(id: string): Promise<VdiRecord> {
    const record = await this.#records.get(id)
    if (record?.unfinished) throw notFound(id)
    if (record) {
      const volume = await this.#srs.volume(record.sr, id)
      return mergeVdi({ sr: record.sr, volume }, record)
    }
    const located = (await this.#srs.volumes()).find(({ volume }) => volume.id === id)
    if (!located) throw notFound(id)
    return unusedVdi(located)
  }

  /** As recorded where it is in use, so that a handover does not wait for a volume tool. @throws NOT_FOUND */
  async recorded(id: string): Promise<VdiRecord> {
    const record = await this.#records.get(id)
    return record && record.state !== 'detached' ? record : await this.find(id)
  }

  async #names(paths: readonly (string | null)[]): Promise<readonly string[]> {
    const given = paths.filter((path) => path !== null)
    const resolved = await Promise.all(given.map((path) => this.#environment.resolvePath(path)))
    return [...given, ...resolved]
  }
}

function notFound(id: string): CrosspoolError {
  return new CrosspoolError('NOT_FOUND', { kind: 'vdi', id })
}

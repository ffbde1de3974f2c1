import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { sectorBytes } from '../../lib/units.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import { nextVdiState, type Vdi, type VdiCreate, type VdiOperation } from '../../model/vdi.ts'
import type { VdiRecord } from './records.ts'
import { mergeVdi, refuseInUse, toVdi, unusedVdi } from './vdi-records.ts'
import type { VdiParts, VdiStates } from './vdi-states.ts'

/** Life cycle of the VDIs of this host, as whoever calls the storage manager asks for it: one operation at a time for each. */
export class Vdis {
  readonly #parts: VdiParts
  readonly #states: VdiStates
  readonly #lock: KeyedLock

  constructor(parts: VdiParts, states: VdiStates, lock: KeyedLock) {
    this.#parts = parts
    this.#states = states
    this.#lock = lock
  }

  async create(create: VdiCreate & { readonly id?: string }): Promise<Vdi> {
    const { environment, records, srs } = this.#parts
    const id = create.id ?? environment.random.uuid()
    const sizeBytes = Math.ceil(create.sizeBytes / sectorBytes) * sectorBytes
    return await this.#lock.run([id], async () => {
      const store = await srs.open(create.sr)
      const present = (await store.list()).find((volume) => volume.id === id)
      const record = await records.get(id)
      if (present && !record?.unfinished) {
        const isSame = present.sizeBytes === sizeBytes && (record?.sr ?? create.sr) === create.sr
        if (!isSame) throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vdi', id })
        return toVdi(mergeVdi({ sr: create.sr, volume: present }, record ?? undefined))
      }
      if (record && (!record.unfinished || record.sr !== create.sr))
        throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vdi', id })
      if (!store.capabilities.canCreate) {
        const reason = `SR ${create.sr} only offers the volumes that it has`
        throw new CrosspoolError('NOT_SUPPORTED', { what: 'VDI.create', reason })
      }
      const { name, willBeOverwritten = false } = create
      const volume = { id, name, sizeBytes, allocatedBytes: 0, format: 'raw' as const }
      const planned = unusedVdi({ sr: create.sr, volume: { ...volume, managed: true, paths: [] } })
      await records.put({ ...planned, unfinished: 'creating' })
      const made = await store
        .create(id, name, sizeBytes, { willBeOverwritten })
        .catch(async (error: unknown) => {
          await this.#states.undo(id, () => store.destroy(id).then(() => records.remove(id)))
          throw error
        })
      const finished = mergeVdi({ sr: create.sr, volume: made }, planned)
      await records.put(finished)
      return toVdi(finished)
    })
  }

  async destroy(id: string): Promise<void> {
    const { records, catalogue } = this.#parts
    await this.#lock.run([id], async () => {
      const vdi = await catalogue.recorded(id).catch(async (error: unknown) => {
        const half = await records.get(id)
        if (half) return half
        if (isCrosspoolError(error, 'NOT_FOUND')) return null
        throw error
      })
      if (!vdi) return
      if (!vdi.managed) throw wrongState(vdi, "the administrator's", 'made by Crosspool')
      if (vdi.replication) throw wrongState(vdi, 'replicated', 'detached')
      if (vdi.relocation) refuseInUse(vdi)
      if (vdi.state !== 'detached') throw wrongState(vdi, vdi.state, 'detached')
      await this.#states.destroy(vdi)
    })
  }

  attach(id: string): Promise<Vdi> {
    return this.#change(id, 'attach', (vdi) => this.#states.attach(vdi))
  }

  activate(id: string): Promise<Vdi> {
    return this.#change(id, 'activate', async (vdi) => {
      if (vdi.isReplica) refuseInUse(vdi)
      return await this.#states.activate(vdi)
    })
  }

  deactivate(id: string): Promise<Vdi> {
    return this.#change(id, 'deactivate', async (vdi) => {
      if (vdi.state !== 'activated') return vdi
      // The device of a replica is a fence, which nothing needs.
      if (!vdi.isReplica) refuseInUse(vdi)
      return await this.#states.deactivate(vdi)
    })
  }

  detach(id: string): Promise<Vdi> {
    return this.#change(id, 'detach', async (vdi) => {
      if (vdi.state === 'detached') return vdi
      refuseInUse(vdi)
      return await this.#states.detach(vdi)
    })
  }

  adopt(id: string, device: string): Promise<Vdi> {
    return this.#change(id, 'adopt', async (vdi) => {
      if (vdi.state === 'adopted' && vdi.device !== null) return vdi
      if (vdi.isReplica) refuseInUse(vdi)
      return await this.#states.adopt(vdi, device)
    })
  }

  disown(id: string): Promise<Vdi> {
    return this.#change(id, 'disown', async (vdi) => {
      refuseInUse(vdi)
      return await this.#states.giveBack(vdi)
    })
  }

  async #change(
    id: string,
    operation: VdiOperation,
    act: (vdi: VdiRecord) => Promise<VdiRecord>,
  ): Promise<Vdi> {
    return await this.#lock.run([id], async () => {
      const vdi = await this.#parts.catalogue.recorded(id)
      const next = nextVdiState(id, vdi.state, operation)
      // One that is beyond the wished state stays as it is; one that is there may be half done.
      const isBeyond = next === vdi.state && next !== reached[operation]
      return toVdi(isBeyond ? vdi : await act(vdi))
    })
  }
}

const reached = {
  ...{ attach: 'attached', activate: 'activated', deactivate: 'attached' },
  ...{ detach: 'detached', adopt: 'adopted', disown: 'detached' },
} as const

function wrongState({ id }: VdiRecord, state: string, needed: string) {
  const details = { kind: 'vdi', id, state, operation: 'destroy', needed }
  return new CrosspoolError('WRONG_STATE', details)
}

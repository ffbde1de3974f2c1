import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { sectorBytes } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import {
  nextVdiState,
  type Vdi,
  type VdiCreate,
  type VdiOperation,
  type VdiState,
} from '../../model/vdi.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, VdiRecord } from './records.ts'
import type { Srs } from './srs.ts'
import type { VdiCatalogue } from './vdi-catalogue.ts'
import {
  attachedFields,
  mergeVdi,
  refuseInUse,
  toDisk,
  toVdi,
  unattached,
  unusedVdi,
} from './vdi-records.ts'

/** Life cycle of the VDIs of this host, one operation at a time for each. */
export class Vdis {
  readonly #environment: StorageEnvironment
  readonly #records: Records<VdiRecord>
  readonly #srs: Srs
  readonly #catalogue: VdiCatalogue
  readonly #lock: KeyedLock

  constructor(
    environment: StorageEnvironment,
    records: Records<VdiRecord>,
    srs: Srs,
    catalogue: VdiCatalogue,
    lock: KeyedLock,
  ) {
    this.#environment = environment
    this.#records = records
    this.#srs = srs
    this.#catalogue = catalogue
    this.#lock = lock
  }

  async create(create: VdiCreate & { readonly id?: string }): Promise<Vdi> {
    const id = create.id ?? this.#environment.random.uuid()
    const sizeBytes = Math.ceil(create.sizeBytes / sectorBytes) * sectorBytes
    return await this.#lock.run([id], async () => {
      const store = await this.#srs.open(create.sr)
      const present = (await store.list()).find((volume) => volume.id === id)
      const record = await this.#records.get(id)
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
      await this.#records.put({ ...planned, unfinished: 'creating' })
      const made = await store
        .create(id, name, sizeBytes, { willBeOverwritten })
        .catch(async (error: unknown) => {
          await this.#undo(id, () => store.destroy(id).then(() => this.#records.remove(id)))
          throw error
        })
      const finished = mergeVdi({ sr: create.sr, volume: made }, planned)
      await this.#records.put(finished)
      return toVdi(finished)
    })
  }

  async destroy(id: string): Promise<void> {
    await this.#lock.run([id], async () => {
      const vdi = await this.#catalogue.recorded(id).catch(async (error: unknown) => {
        const half = await this.#records.get(id)
        if (half) return half
        if (error instanceof CrosspoolError && error.code === 'NOT_FOUND') return null
        throw error
      })
      if (!vdi) return
      if (!vdi.managed) throw wrongState(vdi, 'destroy', "the administrator's", 'made by Crosspool')
      if (vdi.replication) throw wrongState(vdi, 'destroy', 'replicated', 'detached')
      if (vdi.relocation) refuseInUse(vdi)
      if (vdi.state !== 'detached') throw wrongState(vdi, 'destroy', vdi.state, 'detached')
      await this.#records.put({ ...vdi, unfinished: 'destroying' })
      await (await this.#srs.open(vdi.sr)).destroy(id)
      await this.#records.remove(id)
    })
  }

  async attach(id: string): Promise<Vdi> {
    return await this.#change(id, 'attach', (vdi) => this.attachVolume(vdi))
  }

  /** Makes the volume a block device of this host. The caller holds the VDI's lock. */
  async attachVolume(vdi: VdiRecord): Promise<VdiRecord> {
    if (vdi.state !== 'detached' && vdi.volumePath !== null) return vdi
    const store = await this.#srs.open(vdi.sr)
    await this.#records.put({ ...vdi, state: 'attached' })
    try {
      const attached = await store.attach(
        vdi.id,
        this.#environment.datapath.capabilities.presentation,
      )
      return await this.#put({ ...vdi, state: 'attached', ...attachedFields(attached) })
    } catch (error) {
      await this.#undo(vdi.id, async () => {
        await store.detach(vdi.id)
        await this.#settle({ ...vdi, ...unattached, state: 'detached' })
      })
      throw error
    }
  }

  async activate(id: string): Promise<Vdi> {
    return await this.#change(id, 'activate', async (vdi) => {
      if (vdi.isReplica) refuseInUse(vdi)
      return await this.activateDevice(vdi)
    })
  }

  /** The caller holds the VDI's lock. */
  async activateDevice(vdi: VdiRecord): Promise<VdiRecord> {
    if (vdi.state === 'activated' && vdi.device !== null) return vdi
    const { datapath } = this.#environment
    const disk = toDisk(vdi, 'activate')
    await this.#records.put({ ...vdi, state: 'activated' })
    try {
      const device = await datapath.activate(disk)
      return await this.#put({ ...vdi, state: 'activated', device })
    } catch (error) {
      await this.#undo(vdi.id, async () => {
        await datapath.deactivate(disk)
        await this.#put({ ...vdi, state: 'attached', device: null })
      })
      throw error
    }
  }

  /** Brings a VDI up to having a device, whatever it is now. The caller holds the VDI's lock. */
  async raise(vdi: VdiRecord): Promise<VdiRecord> {
    if (vdi.state === 'adopted') return vdi
    return await this.activateDevice(await this.attachVolume(vdi))
  }

  /** Brings a VDI back down to a state that it had before. The caller holds the VDI's lock. */
  async lower(id: string, state: VdiState): Promise<void> {
    let vdi = await this.#catalogue.recorded(id)
    if (state === 'activated' || state === 'adopted') return
    if (vdi.state === 'activated') vdi = await this.#deactivateDevice(vdi)
    if (state === 'detached' && vdi.state === 'attached') await this.#detachVolume(vdi)
  }

  /** A replica that has ended: what is ours goes, what is the administrator's is given back. The caller holds the VDI's lock. */
  async giveUp(vdi: VdiRecord): Promise<void> {
    if (vdi.managed) {
      if (!vdi.unfinished) {
        await this.lower(vdi.id, 'detached')
        const lowered = (await this.#records.get(vdi.id)) ?? vdi
        await this.#records.put({ ...lowered, unfinished: 'destroying' })
      }
      await (await this.#srs.open(vdi.sr)).destroy(vdi.id)
      await this.#records.remove(vdi.id)
      return
    }
    await this.#giveBack(vdi)
  }

  /** The disk of a replica that has ended: what was adopted for it is given back. The caller holds the VDI's lock. */
  async giveBackAdopted(id: string): Promise<void> {
    const vdi = await this.#records.get(id)
    if (vdi?.state === 'adopted' && !vdi.replication) await this.#giveBack(vdi)
  }

  async deactivate(id: string): Promise<Vdi> {
    return await this.#change(id, 'deactivate', async (vdi) => {
      if (vdi.state !== 'activated') return vdi
      // The device of a replica is a fence, which nothing needs.
      if (!vdi.isReplica) refuseInUse(vdi)
      return await this.#deactivateDevice(vdi)
    })
  }

  async #deactivateDevice(vdi: VdiRecord): Promise<VdiRecord> {
    await this.#environment.datapath.deactivate(toDisk(vdi, 'deactivate'))
    return await this.#put({ ...vdi, state: 'attached', device: null })
  }

  async detach(id: string): Promise<Vdi> {
    return await this.#change(id, 'detach', async (vdi) => {
      if (vdi.state === 'detached') return vdi
      refuseInUse(vdi)
      return await this.#detachVolume(vdi)
    })
  }

  async #detachVolume(vdi: VdiRecord): Promise<VdiRecord> {
    await (await this.#srs.open(vdi.sr)).detach(vdi.id)
    return await this.#settle({ ...vdi, ...unattached, state: 'detached' })
  }

  async adopt(id: string, device: string): Promise<Vdi> {
    return await this.#change(id, 'adopt', async (vdi) => {
      if (vdi.state === 'adopted' && vdi.device !== null) return vdi
      if (vdi.isReplica) refuseInUse(vdi)
      const store = await this.#srs.open(vdi.sr)
      if (!store.capabilities.adoptable) throw new CrosspoolError('DISK_NOT_MAPPED', { device })
      const isThisOne = (await this.#catalogue.list({ sr: vdi.sr, device })).some(
        (found) => found.id === id,
      )
      if (!isThisOne)
        throw new CrosspoolError('BAD_REQUEST', { reason: `${device} is not VDI ${id}` })
      await this.#records.put({ ...vdi, state: 'adopted' })
      try {
        const fields = attachedFields(await store.attach(id, 'device'))
        const adopted = { ...vdi, state: 'adopted' as const, ...fields }
        const own = await this.#environment.datapath.adopt(toDisk(adopted, 'adopt'), device)
        return await this.#put({ ...adopted, device: own, adopted: own })
      } catch (error) {
        await this.#undo(id, () => this.#settle({ ...vdi, state: 'detached' }))
        throw error
      }
    })
  }

  async disown(id: string): Promise<Vdi> {
    return await this.#change(id, 'disown', async (vdi) => {
      refuseInUse(vdi)
      return await this.#giveBack(vdi)
    })
  }

  async #giveBack(vdi: VdiRecord): Promise<VdiRecord> {
    // The volume stays attached: it was in use before us.
    if (vdi.adopted !== null) await this.#environment.datapath.deactivate(toDisk(vdi, 'disown'))
    // Also after a restart of the host, which has ended the use but not the fence.
    if (!vdi.managed) await (await this.#srs.open(vdi.sr)).bootFence?.lower(vdi.id)
    if (vdi.state === 'activated' || vdi.state === 'attached') {
      await this.lower(vdi.id, 'detached')
      return vdi
    }
    if (vdi.state === 'detached') return vdi
    return await this.#settle({ ...vdi, ...unattached, state: 'detached' })
  }

  async #change(
    id: string,
    operation: VdiOperation,
    act: (vdi: VdiRecord) => Promise<VdiRecord>,
  ): Promise<Vdi> {
    return await this.#lock.run([id], async () => {
      const vdi = await this.#catalogue.recorded(id)
      const next = nextVdiState(id, vdi.state, operation)
      // One that is beyond the wished state stays as it is; one that is there may be half done.
      const isBeyond = next === vdi.state && next !== reached[operation]
      return toVdi(isBeyond ? vdi : await act(vdi))
    })
  }

  async #put(vdi: VdiRecord): Promise<VdiRecord> {
    await this.#records.put(vdi)
    return vdi
  }

  /** Nobody uses it any more; only a volume of ours keeps a record, for its name. */
  async #settle(vdi: VdiRecord): Promise<VdiRecord> {
    if (vdi.managed || vdi.replication) return await this.#put(vdi)
    await this.#records.remove(vdi.id)
    return vdi
  }

  /** Taking back what failed must not hide why it failed; the record still claims what is left. */
  async #undo(vdi: string, takeBack: () => Promise<unknown>): Promise<void> {
    try {
      await takeBack()
    } catch (error) {
      this.#environment.log.error({ vdi, error }, 'could not be taken back')
    }
  }
}

const reached = {
  ...{ attach: 'attached', activate: 'activated', deactivate: 'attached' },
  ...{ detach: 'detached', adopt: 'adopted', disown: 'detached' },
} as const

function wrongState({ id }: VdiRecord, operation: string, state: string, needed: string) {
  return new CrosspoolError('WRONG_STATE', { kind: 'vdi', id, state, operation, needed })
}

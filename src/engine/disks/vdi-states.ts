import { CrosspoolError } from '../../model/errors.ts'
import type { VdiState } from '../../model/vdi.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, VdiRecord } from './records.ts'
import type { Srs } from './srs.ts'
import type { VdiCatalogue } from './vdi-catalogue.ts'
import { attachedFields, toDisk, unattached } from './vdi-records.ts'

export interface VdiParts {
  readonly environment: StorageEnvironment
  readonly records: Records<VdiRecord>
  readonly srs: Srs
  readonly catalogue: VdiCatalogue
}

/**
 * Brings VDIs from one state to another: the record first, then the act. The caller holds the VDI's lock, and
 * answers for it that nobody uses the VDI otherwise.
 */
export class VdiStates {
  readonly #environment: StorageEnvironment
  readonly #records: Records<VdiRecord>
  readonly #srs: Srs
  readonly #catalogue: VdiCatalogue

  constructor({ environment, records, srs, catalogue }: VdiParts) {
    this.#environment = environment
    this.#records = records
    this.#srs = srs
    this.#catalogue = catalogue
  }

  /** Makes the volume a block device of this host. */
  async attach(vdi: VdiRecord): Promise<VdiRecord> {
    if (vdi.state !== 'detached' && vdi.volumePath !== null) return vdi
    const store = await this.#srs.open(vdi.sr)
    await this.#records.put({ ...vdi, state: 'attached' })
    try {
      const { presentation } = this.#environment.datapath.capabilities
      const attached = await store.attach(vdi.id, presentation)
      return await this.#put({ ...vdi, state: 'attached', ...attachedFields(attached) })
    } catch (error) {
      await this.undo(vdi.id, async () => {
        await store.detach(vdi.id)
        await this.#settle({ ...vdi, ...unattached, state: 'detached' })
      })
      throw error
    }
  }

  async activate(vdi: VdiRecord): Promise<VdiRecord> {
    if (vdi.state === 'activated' && vdi.device !== null) return vdi
    const { datapath } = this.#environment
    const disk = toDisk(vdi, 'activate')
    await this.#records.put({ ...vdi, state: 'activated' })
    try {
      const device = await datapath.activate(disk)
      return await this.#put({ ...vdi, state: 'activated', device })
    } catch (error) {
      await this.undo(vdi.id, async () => {
        await datapath.deactivate(disk)
        await this.#put({ ...vdi, state: 'attached', device: null })
      })
      throw error
    }
  }

  /**
   * Takes the place of the administrator's device beneath a VM that uses it already.
   * @throws DISK_NOT_MAPPED; BAD_REQUEST: the device is not this VDI
   */
  async adopt(vdi: VdiRecord, device: string): Promise<VdiRecord> {
    const store = await this.#srs.open(vdi.sr)
    if (!store.capabilities.adoptable) throw new CrosspoolError('DISK_NOT_MAPPED', { device })
    const found = await this.#catalogue.list({ sr: vdi.sr, device })
    if (!found.some(({ id }) => id === vdi.id))
      throw new CrosspoolError('BAD_REQUEST', { reason: `${device} is not VDI ${vdi.id}` })
    await this.#records.put({ ...vdi, state: 'adopted' })
    try {
      const fields = attachedFields(await store.attach(vdi.id, 'device'))
      const adopted = { ...vdi, state: 'adopted' as const, ...fields }
      const own = await this.#environment.datapath.adopt(toDisk(adopted, 'adopt'), device)
      return await this.#put({ ...adopted, device: own, adopted: own })
    } catch (error) {
      await this.undo(vdi.id, () => this.#settle({ ...vdi, state: 'detached' }))
      throw error
    }
  }

  async deactivate(vdi: VdiRecord): Promise<VdiRecord> {
    await this.#environment.datapath.deactivate(toDisk(vdi, 'deactivate'))
    return await this.#put({ ...vdi, state: 'attached', device: null })
  }

  async detach(vdi: VdiRecord): Promise<VdiRecord> {
    await (await this.#srs.open(vdi.sr)).detach(vdi.id)
    return await this.#settle({ ...vdi, ...unattached, state: 'detached' })
  }

  /** Up to having a device, whatever it is now. */
  async raise(vdi: VdiRecord): Promise<VdiRecord> {
    if (vdi.state === 'adopted') return vdi
    return await this.activate(await this.attach(vdi))
  }

  /** Back down to a state that it had before. */
  async lower(id: string, state: VdiState): Promise<void> {
    let vdi = await this.#catalogue.recorded(id)
    if (state === 'activated' || state === 'adopted') return
    if (vdi.state === 'activated') vdi = await this.deactivate(vdi)
    if (state === 'detached' && vdi.state === 'attached') await this.detach(vdi)
  }

  /** What was adopted is the administrator's alone again. */
  async giveBack(vdi: VdiRecord): Promise<VdiRecord> {
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

  /** The disk of a replica that has ended: what was adopted for it is given back. */
  async giveBackAdopted(id: string): Promise<void> {
    const vdi = await this.#records.get(id)
    if (vdi?.state === 'adopted' && !vdi.replication) await this.giveBack(vdi)
  }

  /** A replica that has ended: what is ours goes, what is the administrator's is given back. */
  async giveUp(vdi: VdiRecord): Promise<void> {
    if (!vdi.managed) {
      await this.giveBack(vdi)
      return
    }
    if (!vdi.unfinished) await this.lower(vdi.id, 'detached')
    await this.destroy((await this.#records.get(vdi.id)) ?? vdi)
  }

  /** Removes the volume and all that is known of it. */
  async destroy(vdi: VdiRecord): Promise<void> {
    await this.#records.put({ ...vdi, unfinished: 'destroying' })
    await (await this.#srs.open(vdi.sr)).destroy(vdi.id)
    await this.#records.remove(vdi.id)
  }

  /** Taking back what failed must not hide why it failed; the record still claims what is left. */
  async undo(vdi: string, takeBack: () => Promise<unknown>): Promise<void> {
    try {
      await takeBack()
    } catch (error) {
      this.#environment.log.error({ vdi, error }, 'could not be taken back')
    }
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
}

import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { settleAll } from '../../lib/settle-all.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { Vdi } from '../../model/vdi.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { listVmRecords } from '../migration/vm-records.ts'

/** Brings VDIs up for VMs and puts them away. Nothing is put away that another VM uses or is about to use. */
export class VmDisks {
  readonly #environment: ToolstackEnvironment
  readonly #lock = createKeyedLock()

  constructor(environment: ToolstackEnvironment) {
    this.#environment = environment
  }

  /** Answers the VDI's device. `raised` notes what has to be taken back. The VM's record is active already. @throws BUSY */
  async raise(vdi: string, raised: string[]): Promise<string> {
    const { hypervisor, storage } = this.#environment
    return this.#lock.run([vdi], async () => {
      const before = await storage.getVdi(vdi)
      const user = before.device
        ? (await hypervisor.list()).find(({ disks }) =>
            disks.some(({ device }) => device === before.device),
          )
        : undefined
      if (user) throw new CrosspoolError('BUSY', { kind: 'vdi', id: vdi, user: `VM ${user.name}` })
      if (before.state === 'detached') raised.push(vdi)
      await storage.attach(vdi)
      const { device } = await storage.activate(vdi)
      if (device !== null) return device
      throw new CrosspoolError('NOT_FOUND', { kind: 'device', id: vdi })
    })
  }

  async lower(vdis: readonly string[]): Promise<void> {
    await settleAll(vdis.map((vdi) => this.#lock.run([vdi], () => this.#detach(vdi))))
  }

  /** The VM has ended. Answers whether none of its VDIs has to wait for the end of its replication. */
  async putAway(vm: string, vdis: readonly string[]): Promise<boolean> {
    const settled = await settleAll(
      vdis.map((vdi) => this.#lock.run([vdi], () => this.#putAway(vm, vdi))),
    )
    return settled.every((isAway) => isAway)
  }

  async #putAway(vm: string, id: string): Promise<boolean> {
    const { storage } = this.#environment
    const vdi = await storage.getVdi(id).catch((error: unknown) => {
      if (isCrosspoolError(error, 'NOT_FOUND')) return null
      throw error
    })
    if (vdi === null || vdi.state === 'detached') return true
    if (vdi.replication !== null) return false
    if (await this.#isUsedBeside(vm, vdi)) return true
    if (vdi.state === 'adopted') await storage.disown(id)
    else await this.#detach(id)
    return true
  }

  async #isUsedBeside(vm: string, { id, device }: Vdi): Promise<boolean> {
    const { hypervisor, store } = this.#environment
    const starting = (await listVmRecords(store)).some(
      ({ definition, isActive }) =>
        isActive && definition.id !== vm && definition.disks.some(({ vdi }) => vdi === id),
    )
    if (starting) return true
    return (await hypervisor.list()).some(
      (other) => other.id !== vm && other.disks.some((disk) => disk.device === device),
    )
  }

  async #detach(vdi: string): Promise<void> {
    const { storage } = this.#environment
    await storage.deactivate(vdi)
    await storage.detach(vdi)
  }
}

import { CrosspoolError } from '../../model/errors.ts'
import type { VmCreate, VmDefinition, VmDisk, VmReboot, VmStart } from '../../model/vm.ts'
import type { Random } from '../../ports/clock.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { describeVm } from '../migration/describe-vm.ts'
import {
  readVmRecord,
  removeVmRecord,
  saveVmRecord,
  type VmRecord,
} from '../migration/vm-records.ts'
import type { EndedVms } from './ended-vms.ts'
import { refuseArriving, refuseDouble, refuseForeign } from './refusals.ts'
import type { Replicas } from './replicas.ts'
import type { VmActs } from './vm-acts.ts'
import type { VmDisks } from './vm-disks.ts'
import { findVmOrHalted, slotOf, wrongState } from './vm-listing.ts'

export interface VmPowerParts {
  readonly acts: VmActs
  readonly disks: VmDisks
  readonly ended: EndedVms
  readonly replicas: Replicas
}

/** Starts VMs on VDIs of this host and ends them; each can be started again until it is forgotten or handed over. */
export class VmPower {
  readonly #environment: ToolstackEnvironment
  readonly #parts: VmPowerParts

  constructor(environment: ToolstackEnvironment, parts: VmPowerParts) {
    this.#environment = environment
    this.#parts = parts
  }

  /** VM.start of a new definition, or a new definition of a halted VM. Answers its id. What was brought up for it goes again if it fails. */
  async start(wanted: VmCreate): Promise<string> {
    const definition = settle(wanted, this.#environment.random)
    await this.#parts.acts.run(definition.id, 'start', async () => {
      await this.#parts.replicas.refuseClaimed(definition.id)
      await this.#begin(definition)
    })
    return definition.id
  }

  /** VM.start of a halted one, on the VDIs that it had. */
  async startAgain(idOrName: string): Promise<string> {
    const { hypervisor, store } = this.#environment
    const { id, state } = await this.#find(idOrName)
    return this.#parts.acts.run(id, 'start', async () => {
      const record = await readVmRecord(store, id)
      const hasEnded = state === 'shutdown' || state === 'crashed'
      if (!record && hasEnded) {
        const reason = 'it was not started by Crosspool, so nothing tells how it is made'
        throw new CrosspoolError('NOT_SUPPORTED', { what: `A start of VM ${id}`, reason })
      }
      if (!record || (state !== 'halted' && !hasEnded))
        throw wrongState(id, state, 'start', 'halted')
      await this.#parts.replicas.refuseClaimed(id)
      if (hasEnded) await hypervisor.destroy(id)
      await this.#begin(record.definition)
      return id
    })
  }

  /** VM.clean_shutdown: the guest is asked. Its disks are put away when it has ended. */
  async shutdown(idOrName: string): Promise<string> {
    return this.#act(idOrName, 'shutdown', async (id) => {
      await this.#environment.hypervisor.shutdown(id)
      this.#parts.ended.expect(id)
    })
  }

  async reboot(idOrName: string, how: VmReboot): Promise<string> {
    const { hypervisor, store } = this.#environment
    return this.#act(idOrName, 'reboot', async (id) => {
      this.#parts.ended.begins(id)
      if (how === 'clean' || hypervisor.capabilities.resets) return hypervisor.reboot(id, how)
      const record = await readVmRecord(store, id)
      if (!record) {
        const reason = 'the hypervisor cannot reset a VM, and this one was not started by Crosspool'
        throw new CrosspoolError('NOT_SUPPORTED', { what: 'A hard reboot', reason })
      }
      await hypervisor.destroy(id)
      await this.#begin(record.definition)
    })
  }

  async pause(idOrName: string): Promise<string> {
    return this.#act(idOrName, 'pause', (id) => this.#environment.hypervisor.pause(id))
  }

  async unpause(idOrName: string): Promise<string> {
    return this.#act(idOrName, 'unpause', async (id) => {
      await refuseForeign(this.#environment, id, 'unpause')
      await this.#environment.hypervisor.unpause(id)
    })
  }

  /** VM.hard_shutdown: as if its power were cut. Its disks are put away; they keep what is on them. */
  async destroy(idOrName: string): Promise<string> {
    const { hypervisor, store, log } = this.#environment
    return this.#act(idOrName, 'hard shutdown', async (id) => {
      const { disks } = await describeVm(this.#environment, id)
      const record = await readVmRecord(store, id)
      const known = record?.definition.disks.map(({ vdi }) => vdi) ?? []
      await hypervisor.destroy(id)
      const vdis = new Set([...disks.map(({ vdi }) => vdi.id), ...known])
      const isAway = await this.#parts.disks.putAway(id, [...vdis])
      if (!isAway) log.warn({ vm: id }, 'some of its disks wait for the end of their replication')
      if (record) await saveVmRecord(store, { ...record, isActive: !isAway })
    })
  }

  /** A halted VM is not listed any more. Its VDIs stay. @throws NOT_FOUND; WRONG_STATE unless halted */
  async forget(idOrName: string): Promise<void> {
    const { id, state } = await this.#find(idOrName)
    if (state !== 'halted') throw wrongState(id, state, 'forget', 'halted')
    await this.#parts.acts.run(id, 'forget', async () => {
      const record = await readVmRecord(this.#environment.store, id)
      if (record?.isActive) {
        const vdis = record.definition.disks.map(({ vdi }) => vdi)
        if (!(await this.#parts.disks.putAway(id, vdis)))
          throw new CrosspoolError('BUSY', { kind: 'vm', id, user: 'the replication of its disks' })
      }
      await removeVmRecord(this.#environment.store, id)
    })
  }

  async #find(idOrName: string) {
    return findVmOrHalted(this.#environment, () => null, idOrName)
  }

  /** One act on a VM that its hypervisor has. Answers its id. @throws NOT_FOUND, BUSY, WRONG_STATE */
  async #act(idOrName: string, name: string, work: (id: string) => Promise<void>): Promise<string> {
    const { id, state } = await this.#find(idOrName)
    if (state === 'halted') throw wrongState(id, state, name, 'running')
    return this.#parts.acts.run(id, name, async () => {
      await refuseArriving(this.#environment, id)
      await work(id)
      return id
    })
  }

  async #begin(definition: VmDefinition): Promise<void> {
    const { hypervisor, store } = this.#environment
    const { id, name, disks: vdis, interfaces, ...rest } = definition
    await refuseDouble(this.#environment, id, name)
    await refuseForeign(this.#environment, id, 'start')
    await refuseArriving(this.#environment, id)
    const before = await readVmRecord(store, id)
    // First, so that nobody puts away what is brought up for it.
    await saveVmRecord(store, { definition, isActive: true })
    this.#parts.ended.begins(id)
    const raised: string[] = []
    try {
      const disks: VmDisk[] = []
      for (const [index, { vdi, readOnly }] of vdis.entries()) {
        const device = await this.#parts.disks.raise(vdi, raised)
        disks.push({ slot: slotOf(this.#environment, index), device, readOnly })
      }
      const plugged = interfaces.map((nic, index) => ({ slot: String(index), ...nic }))
      const start: VmStart = { ...rest, id, name, disks, interfaces: plugged }
      await hypervisor.start(start)
    } catch (error) {
      await this.#takeBack(id, before, raised)
      throw error
    }
  }

  async #takeBack(id: string, before: VmRecord | null, raised: readonly string[]): Promise<void> {
    const { store, log } = this.#environment
    try {
      await this.#parts.disks.lower(raised)
      if (before) await saveVmRecord(store, before)
      else await removeVmRecord(store, id)
    } catch (failure) {
      log.error({ vm: id, error: failure }, 'a disk could not be put away again')
    }
  }
}

function settle(wanted: VmCreate, random: Random): VmDefinition {
  return {
    ...wanted,
    id: wanted.id ?? random.uuid(),
    interfaces: wanted.interfaces.map(({ network, mac }) => ({
      ...{ network, mac: mac ?? randomMac(random) },
    })),
  }
}

/** QEMU's and KVM's prefix, of the range that everybody may use. */
function randomMac(random: Random): string {
  const digits = random.uuid().replaceAll('-', '').slice(-6)
  return `52:54:00:${digits.match(/../g)?.join(':')}`
}

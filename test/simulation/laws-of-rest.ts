import { readReplica } from '../../src/engine/migration/replica-records.ts'
import { readVmRecord } from '../../src/engine/migration/vm-records.ts'
import type { Invariants } from './invariants.ts'
import { bystanders, hostNames, type TwoHosts, vm } from './two-hosts.ts'
import type { WritingGuest } from './writing-guest.ts'

/** The laws that hold when everything has come to rest. */
export class LawsOfRest {
  readonly #cluster: TwoHosts
  readonly #invariants: Invariants

  constructor(cluster: TwoHosts, invariants: Invariants) {
    this.#cluster = cluster
    this.#invariants = invariants
  }

  /** The laws of the end; everything must have come to rest. */
  async lookAtEnd(guest: WritingGuest): Promise<void> {
    const { vms } = this.#cluster
    const runningAt = vms.runningAt(vm)
    if (runningAt.length === 0 && this.#invariants.loss === null) {
      this.#invariants.report(
        `the VM runs nowhere; it is at ${vms.presentAt(vm).join(' and ') || 'no host'}`,
      )
    }
    if (runningAt.length === 0) this.#lookAtDisksOfLostVm(guest)
    for (const host of runningAt) {
      if (vms.presentAt(vm).length > 1) this.#invariants.report('a copy of the VM is left behind')
      await this.#lookForLeftovers(host)
    }
    if (runningAt.length === 0 && !this.#invariants.isUndecided) await this.#lookForLeftovers(null)
    if (!this.#invariants.isUndecided) await this.#lookForDefinition(runningAt[0])
    this.#lookAtAdministratorsThings()
  }

  /** What the VM can be started from is where it belongs, and only there. */
  async #lookForDefinition(runningAt: string | undefined): Promise<void> {
    const home = runningAt ?? this.#invariants.owner
    for (const name of hostNames) {
      const record = await readVmRecord(this.#cluster.hosts[name].toolstackStore, vm)
      if ((record !== null) !== (name === home))
        this.#invariants.report(
          `the definition of the VM is ${record ? 'left behind' : 'missing'} at ${name}`,
        )
      if (record && name === runningAt && !record.isActive)
        this.#invariants.report(
          `the VM runs at ${name}, where its definition says that it was put away`,
        )
    }
  }

  /** While replicas are kept and nothing is under way: both hosts remember what a claim, and a start after one, needs. */
  async lookAtReplicas(): Promise<void> {
    for (const name of hostNames) {
      const { storage, toolstackStore } = this.#cluster.hosts[name]
      const record = await readReplica(toolstackStore, vm)
      for (const { kept, side } of (await storage.service?.listReplications()) ?? []) {
        if (side === 'target' && kept && record?.here !== 'replica')
          this.#invariants.report(`${name} keeps a replica and does not know what for`)
        if (side === 'source' && kept?.mode === 'every-write' && record?.here !== 'disk')
          this.#invariants.report(
            `${name} does not know that the VM may have been claimed elsewhere`,
          )
      }
    }
  }

  async #lookForLeftovers(home: string | null): Promise<void> {
    const { source, destination } = this.#cluster.course
    for (const name of hostNames) {
      const { service } = this.#cluster.hosts[name].storage
      if (!service) continue
      for (const thing of await service.leftovers()) {
        if (thing.reason === null)
          this.#invariants.report(`left behind at ${name}: ${thing.kind} ${thing.name}`)
      }
      for (const { id, state } of await service.listReplications())
        this.#invariants.report(`left behind at ${name}: replication ${id}, ${state}`)
      if (home === null && (name === source || this.#invariants.owner === destination)) continue
      const disks = this.#cluster.vms.host(name).vms.get(vm)?.disks ?? []
      const used = new Set(disks.map(({ device }) => device))
      for (const vdi of await service.listVdis()) {
        const isUsed = vdi.device !== null && used.has(vdi.device)
        if (!isUsed && (vdi.managed || vdi.state !== 'detached'))
          this.#invariants.report(`left behind at ${name}: VDI ${vdi.name}, ${vdi.state}`)
      }
    }
    for (const name of hostNames)
      if (this.#cluster.vms.incoming(name).has(vm))
        this.#invariants.report(`half a VM is left at ${name}`)
    if (this.#cluster.disks.pairs.size) this.#invariants.report('a mirror is left behind')
  }

  /** What was flushed must be there for the administrator who starts the VM anew. */
  #lookAtDisksOfLostVm(guest: WritingGuest): void {
    if (this.#invariants.isUndecided) return
    const root = this.#cluster.volumesOf(this.#invariants.owner).find(({ name }) => name === 'root')
    for (const problem of guest.missingAfterPowerCut('xvda', root?.blocks))
      this.#invariants.report(problem)
  }

  #lookAtAdministratorsThings(): void {
    const { vms } = this.#cluster
    const volumes = this.#cluster.administratorsVolumes()
    const names = volumes.map(({ volume }) => volume.id).sort()
    const expected = 'adopted-disk,precious-one,precious-shared,precious-two,shared-disk'
    if (names.join() !== expected)
      this.#invariants.report(`the administrator's volumes are ${names.join()}`)
    for (const { volume } of volumes) {
      if (volume.blocks.get(99) !== volume.id)
        this.#invariants.report(`${volume.id} was written to`)
      if (volume.id.startsWith('precious') && volume.blocks.size !== 1)
        this.#invariants.report(`${volume.id} was written to`)
    }
    const { fenced } = this.#cluster.disks.array('admin-one')
    // A VM that has come back to an adopted disk keeps it adopted, until somebody disowns it.
    const hasComeBack =
      this.#cluster.course.destination === 'one' && this.#invariants.owner === 'one'
    if (fenced.size && !this.#invariants.isUndecided && !hasComeBack)
      this.#invariants.report(`${[...fenced]} would be missing at a boot`)
    for (const name of hostNames) {
      if (this.#invariants.darkened.has(name)) continue
      if (vms.host(name).vms.get(bystanders[name])?.state !== 'running')
        this.#invariants.report(`the VM ${bystanders[name]} was touched`)
    }
  }
}

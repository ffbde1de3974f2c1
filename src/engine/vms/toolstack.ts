import { CrosspoolError } from '../../model/errors.ts'
import type { MigrateRequest, Preflight, ReceiveRequest } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import type { Sending, SendRequest } from '../../model/sending.ts'
import type { Vm, VmCreate, VmReboot } from '../../model/vm.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { buildReceiveRequest, describeVm } from '../migration/describe-vm.ts'
import { writeOwnership } from '../migration/epochs.ts'
import type { MigrationMemo } from '../migration/memo.ts'
import { migrateVm, replicateVm } from '../migration/migrate-vm.ts'
import { Receivers } from '../migration/receivers.ts'
import { preflightBothSides } from '../migration/steps/preparation-steps.ts'
import { createMigrationAdmission } from '../migration/steps/queue-step.ts'
import { OperationRunner } from '../operation/operation-runner.ts'
import { EndedVms } from './ended-vms.ts'
import { Inventories } from './inventories.ts'
import { KnownHosts } from './known-hosts.ts'
import { type MoveDiskMemo, moveDisk } from './move-disk.ts'
import { Ownerships } from './ownerships.ts'
import { ReplicaSchedules } from './replica-schedules.ts'
import { Replicas } from './replicas.ts'
import { Sendings } from './sendings.ts'
import { VmActs } from './vm-acts.ts'
import { VmDisks } from './vm-disks.ts'
import { findRunning, findVmOrHalted, listVms } from './vm-listing.ts'
import { VmPower } from './vm-power.ts'

/** xapi: what its API does, without HTTP. */
export class Toolstack {
  readonly operations: OperationRunner
  readonly receivers: Receivers
  readonly hosts: KnownHosts
  readonly inventories: Inventories
  readonly sendings: Sendings
  readonly ownerships: Ownerships
  readonly replicas: Replicas
  readonly schedules: ReplicaSchedules
  readonly #environment: ToolstackEnvironment
  readonly #acts: VmActs
  readonly #ended: EndedVms
  readonly #power: VmPower

  constructor(environment: ToolstackEnvironment) {
    this.#environment = environment
    this.operations = new OperationRunner(environment)
    const admission = createMigrationAdmission(environment.limits)
    this.operations.register(migrateVm(environment, admission))
    this.operations.register(replicateVm(environment, admission))
    this.operations.register(moveDisk(environment))
    this.receivers = new Receivers(environment)
    this.hosts = new KnownHosts(environment)
    this.inventories = new Inventories(environment, {
      vms: () => this.listVms(),
      operations: () => this.operations.list(),
      otherHosts: () => this.hosts.stored(),
    })
    this.sendings = new Sendings(environment)
    this.schedules = new ReplicaSchedules(environment, this.hosts, {
      operations: this.operations,
      holderOf: (vm) => this.#acts.holderOf(vm),
      replicate: (vm, request, id) => this.#copy('replicate', vm, request, id),
    })
    this.replicas = new Replicas(environment, this.hosts, this.schedules)
    this.ownerships = new Ownerships(environment, {
      ...{ receivers: this.receivers, replicas: this.replicas, hosts: this.hosts },
      holderOf: (vm) => this.#operationOf(vm),
    })
    this.#acts = new VmActs((vm) => this.#operationOf(vm))
    const disks = new VmDisks(environment)
    this.#ended = new EndedVms(environment, this.#acts, disks)
    this.#power = new VmPower(environment, {
      ...{ acts: this.#acts, disks, ended: this.#ended, replicas: this.replicas },
    })
  }

  /** Goes on with, or takes back, what the last stop interrupted; then watches for VMs that end by themselves. */
  async recover(): Promise<void> {
    await this.receivers.recover()
    await this.operations.recover()
    await this.replicas.recover()
    await this.schedules.recover()
    this.#ended.watch()
  }

  /** Stops watching; what runs goes on. */
  close(): void {
    this.#ended.close()
    this.replicas.close()
    this.schedules.close()
  }

  async listVms(): Promise<Vm[]> {
    return listVms(this.#environment, (vm) => this.#operationOf(vm))
  }

  /** By UUID or name. @throws NOT_FOUND */
  async getVm(idOrName: string): Promise<Vm> {
    return findVmOrHalted(this.#environment, (vm) => this.#operationOf(vm), idOrName)
  }

  /** VM.start: on VDIs of this host. @throws ALREADY_EXISTS, BUSY, WRONG_STATE for a VM that was handed over */
  async startVm(wanted: VmCreate): Promise<Vm> {
    return this.getVm(await this.#power.start(wanted))
  }

  /** VM.start of a halted one. @throws NOT_FOUND, BUSY, WRONG_STATE */
  async startHaltedVm(vm: string): Promise<Vm> {
    return this.getVm(await this.#power.startAgain(vm))
  }

  /** VM.clean_shutdown: asks the guest and answers at once. @throws NOT_FOUND, BUSY, WRONG_STATE */
  async shutdownVm(vm: string): Promise<void> {
    await this.#power.shutdown(vm)
  }

  /** VM.clean_reboot, which asks the guest and answers at once, or VM.hard_reboot. @throws NOT_FOUND, BUSY, WRONG_STATE */
  async rebootVm(vm: string, how: VmReboot): Promise<void> {
    await this.#power.reboot(vm, how)
  }

  /** @throws NOT_FOUND, BUSY, WRONG_STATE */
  async pauseVm(vm: string): Promise<Vm> {
    return this.getVm(await this.#power.pause(vm))
  }

  /** @throws NOT_FOUND, BUSY, WRONG_STATE */
  async unpauseVm(vm: string): Promise<Vm> {
    return this.getVm(await this.#power.unpause(vm))
  }

  /** VM.hard_shutdown. @throws NOT_FOUND, BUSY, WRONG_STATE */
  async destroyVm(vm: string): Promise<void> {
    await this.#power.destroy(vm)
  }

  /** VM.destroy: drops the definition of a halted VM; its VDIs stay. @throws NOT_FOUND, BUSY, WRONG_STATE */
  async forgetVm(vm: string): Promise<void> {
    const { id } = await this.getVm(vm)
    await this.#power.forget(id)
    await this.schedules.forget(id)
  }

  /** VM.assert_can_migrate: every check of both sides; changes nothing. */
  async preflight(vm: string, request: MigrateRequest): Promise<Preflight> {
    const { id, name } = await findRunning(this.#environment, vm, 'migrate')
    const destinationUrl = await this.hosts.resolve(request.destination)
    const memo = { vm: { id, name }, request, destinationUrl }
    const { preflight } = await preflightBothSides(
      this.#environment,
      this.#environment.random.uuid(),
      memo,
    )
    return { ...preflight, checks: [...preflight.checks, ...(await this.schedules.checks(id))] }
  }

  /** VM.migrate: answers the operation at once. @throws NOT_FOUND, BUSY */
  async migrate(vm: string, request: MigrateRequest): Promise<Operation> {
    return this.#copy('migrate', vm, request)
  }

  /** VM.replicate: the VM stays, and the destination keeps replicas of its disks. @throws NOT_FOUND, BUSY, BAD_REQUEST */
  async replicate(vm: string, request: MigrateRequest): Promise<Operation> {
    if (!request.keepReplica)
      throw new CrosspoolError('BAD_REQUEST', { reason: 'say how long the replica is kept' })
    return this.#copy('replicate', vm, request)
  }

  async #copy(
    kind: 'migrate' | 'replicate',
    vm: string,
    request: MigrateRequest,
    operation: string = this.#environment.random.uuid(),
  ): Promise<Operation> {
    const { clock, pool, host } = this.#environment
    const { id, name } = await findRunning(this.#environment, vm, kind)
    const destinationUrl = await this.hosts.resolve(request.destination)
    this.#acts.checkFree(id)
    const memo: MigrationMemo = {
      request,
      vm: { id, name },
      from: { pool, host },
      destinationUrl,
      startedAtMs: clock.now(),
      to: { pool: '', host: request.destination },
      epoch: 0,
      receive: null,
      checks: [],
      disks: [],
      receiver: null,
      keptDisks: [],
      bytesPerSecondMax: request.bytesPerSecondMax ?? null,
      figures: {
        ...{ totalMs: null, syncMs: null, memoryMs: null, pausedMs: null, handoverMs: null },
        ...{ releaseMs: null, takeMs: null, bytesReplicated: 0, memoryBytesCrossed: null },
      },
    }
    return this.operations.start(kind, operation, id, memo)
  }

  /** VDI.pool_migrate: to another SR of this host, in use or not; answers the operation at once. @throws NOT_FOUND, BUSY */
  async moveDisk(vdi: string, sr: string): Promise<Operation> {
    const { random, storage } = this.#environment
    const { id, device, sr: fromSr } = await storage.getVdi(vdi)
    const srs = await storage.listSrs()
    const to = srs.find((one) => one.id === sr || one.name === sr)
    if (!to) throw new CrosspoolError('NOT_FOUND', { kind: 'sr', id: sr })
    const vm = device && (await this.listVms()).find((one) => usesDevice(one, device))
    if (vm) this.#acts.checkFree(vm.id)
    const memo: MoveDiskMemo = { vdi: id, fromSr, toSr: to.id }
    return this.operations.start('move-disk', random.uuid(), vm ? vm.id : id, memo)
  }

  /** By hand: what VM.receive is to be asked. */
  async receiveRequest(vm: string, request: MigrateRequest): Promise<ReceiveRequest> {
    const { id } = await findRunning(this.#environment, vm, 'migrate')
    const described = await describeVm(this.#environment, id)
    const operation = this.#environment.random.uuid()
    const asked = await buildReceiveRequest(this.#environment, operation, described, request)
    // Each attempt has an epoch of its own: the destination may refuse this one for good.
    const { epoch } = asked
    await writeOwnership(this.#environment.store, id, { epoch, state: 'owned', operation })
    return asked
  }

  /** By hand: sends the memory to a receiver. @throws BUSY */
  async send(vm: string, request: SendRequest): Promise<Sending> {
    const { id } = await findRunning(this.#environment, vm, 'send')
    return this.#acts.run(id, 'send', () => this.sendings.start(id, request))
  }

  #operationOf(vm: string): string | null {
    return this.operations.holderOf(vm) ?? this.sendings.holderOf(vm)
  }
}

function usesDevice({ disks }: Vm, wanted: string): boolean {
  return disks.some(({ device }) => device === wanted)
}

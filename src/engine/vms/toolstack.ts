import { CrosspoolError } from '../../model/errors.ts'
import type { MigrateRequest, Preflight, ReceiveRequest } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import type { Sending, SendRequest } from '../../model/sending.ts'
import type { Vm, VmCreate } from '../../model/vm.ts'
import type { ToolstackEnvironment } from '../environment.ts'
import { buildReceiveRequest, describeVm, findVm } from '../migration/describe-vm.ts'
import { readOwnership, writeOwnership } from '../migration/epochs.ts'
import type { MigrationMemo } from '../migration/memo.ts'
import { migrateVm } from '../migration/migrate-vm.ts'
import { Receivers } from '../migration/receivers.ts'
import { preflightBothSides } from '../migration/steps/preparation-steps.ts'
import { OperationRunner } from '../operation/operation-runner.ts'
import { KnownHosts } from './known-hosts.ts'
import { Ownerships } from './ownerships.ts'
import { destroyVm, startVm } from './running-vms.ts'
import { Sendings } from './sendings.ts'

/** xapi: what its API does, without HTTP. */
export class Toolstack {
  readonly operations: OperationRunner
  readonly receivers: Receivers
  readonly hosts: KnownHosts
  readonly sendings: Sendings
  readonly ownerships: Ownerships
  readonly #environment: ToolstackEnvironment

  constructor(environment: ToolstackEnvironment) {
    this.#environment = environment
    this.operations = new OperationRunner(environment)
    this.operations.register(migrateVm(environment))
    this.receivers = new Receivers(environment)
    this.hosts = new KnownHosts(environment)
    this.sendings = new Sendings(environment)
    this.ownerships = new Ownerships(environment, this.receivers, (vm) => this.#holderOf(vm))
  }

  /** Goes on with, or takes back, what the last stop interrupted. */
  async recover(): Promise<void> {
    await this.receivers.recover()
    await this.operations.recover()
  }

  async listVms(): Promise<Vm[]> {
    const vms = await this.#environment.hypervisor.list()
    return Promise.all(
      vms.map(async (vm) => ({
        ...vm,
        host: this.#environment.host,
        epoch: (await readOwnership(this.#environment.store, vm.id)).epoch,
        operation: this.#holderOf(vm.id),
      })),
    )
  }

  /** By UUID or name. @throws NOT_FOUND */
  async getVm(idOrName: string): Promise<Vm> {
    const { id } = await findVm(this.#environment, idOrName)
    const vm = (await this.listVms()).find((candidate) => candidate.id === id)
    if (!vm) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: idOrName })
    return vm
  }

  /** VM.start: on VDIs of this host. @throws ALREADY_EXISTS, BUSY, WRONG_STATE for a VM that was handed over */
  async startVm(wanted: VmCreate): Promise<Vm> {
    return this.getVm(await startVm(this.#environment, wanted))
  }

  /** VM.hard_shutdown. @throws NOT_FOUND, BUSY */
  async destroyVm(vm: string): Promise<void> {
    const { id } = await findVm(this.#environment, vm)
    this.#checkFree(id)
    await destroyVm(this.#environment, id)
  }

  /** VM.assert_can_migrate: every check of both sides; changes nothing. */
  async preflight(vm: string, request: MigrateRequest): Promise<Preflight> {
    const { id, name } = await findVm(this.#environment, vm)
    const destinationUrl = await this.hosts.resolve(request.destination)
    const memo = { vm: { id, name }, request, destinationUrl }
    const { preflight } = await preflightBothSides(
      this.#environment,
      this.#environment.random.uuid(),
      memo,
    )
    return preflight
  }

  /** VM.migrate: answers the operation at once. @throws NOT_FOUND, BUSY */
  async migrate(vm: string, request: MigrateRequest): Promise<Operation> {
    const { random, clock, pool, host } = this.#environment
    const { id, name } = await findVm(this.#environment, vm)
    const destinationUrl = await this.hosts.resolve(request.destination)
    this.#checkFree(id)
    const memo: MigrationMemo = {
      request,
      vm: { id, name },
      from: { pool, host },
      destinationUrl,
      startedAtMs: clock.now(),
      to: { pool: '', host: request.destination },
      epoch: 0,
      receive: null,
      disks: [],
      receiver: null,
      keptDisks: [],
      figures: {
        ...{ totalMs: null, syncMs: null, memoryMs: null, pausedMs: null, handoverMs: null },
        ...{ releaseMs: null, takeMs: null, bytesReplicated: 0 },
      },
    }
    return this.operations.start('migrate', random.uuid(), id, memo)
  }

  /** By hand: what VM.receive is to be asked. */
  async receiveRequest(vm: string, request: MigrateRequest): Promise<ReceiveRequest> {
    const { id } = await findVm(this.#environment, vm)
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
    const { id } = await findVm(this.#environment, vm)
    this.#checkFree(id)
    return this.sendings.start(id, request)
  }

  #holderOf(vm: string): string | null {
    return this.operations.holderOf(vm) ?? this.sendings.holderOf(vm)
  }

  #checkFree(vm: string): void {
    const holder = this.#holderOf(vm)
    if (holder) throw new CrosspoolError('BUSY', { kind: 'vm', id: vm, user: holder })
  }
}

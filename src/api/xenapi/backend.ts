import type { AuditEntry } from '../../model/access.ts'
import type { Host } from '../../model/host.ts'
import type { MigrateRequest, Preflight, ReceiveRequest } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import type { Receiver, ReceiverGrant } from '../../model/receiver.ts'
import type { Vm, VmCreate, VmReboot } from '../../model/vm.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { Hypervisor } from '../../ports/hypervisor.ts'
import type { Log } from '../../ports/log.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import type { StorageManager } from '../../ports/storage-manager.ts'

/** What the face needs of the toolstack, which answers the REST API as well. */
export interface XenApiBackend {
  readonly toolstack: {
    listVms(): Promise<readonly Vm[]>
    startVm(wanted: VmCreate): Promise<Vm>
    startHaltedVm(vm: string): Promise<Vm>
    shutdownVm(vm: string): Promise<void>
    rebootVm(vm: string, how: VmReboot): Promise<void>
    pauseVm(vm: string): Promise<Vm>
    unpauseVm(vm: string): Promise<Vm>
    destroyVm(vm: string): Promise<void>
    forgetVm(vm: string): Promise<void>
    preflight(vm: string, request: MigrateRequest): Promise<Preflight>
    migrate(vm: string, request: MigrateRequest): Promise<Operation>
    moveDisk(vdi: string, sr: string): Promise<Operation>
    readonly operations: {
      list(): Promise<readonly Operation[]>
      get(id: string): Promise<Operation>
      cancel(id: string): Promise<Operation>
      wait(id: string): Promise<Operation>
    }
    readonly receivers: {
      list(): Promise<readonly Receiver[]>
      receive(request: ReceiveRequest): Promise<ReceiverGrant>
    }
    readonly hosts: { list(): Promise<readonly Host[]> }
  }
  readonly environment: {
    readonly host: string
    readonly pool: string
    readonly url: string
    readonly storage: Pick<StorageManager, 'listSrs' | 'listVdis'>
    readonly hypervisor: Pick<Hypervisor, 'watch'>
    readonly store: RecordStore
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
  }
  /** For the audit log. */
  note(entry: Omit<AuditEntry, 'atMs'>): void
  describeHost(): Promise<Host>
}

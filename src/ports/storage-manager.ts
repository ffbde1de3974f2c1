import type { DeviceKind } from '../model/host.ts'
import type { Relocation } from '../model/relocation.ts'
import type { KeepMode, KeepReplication, Replication } from '../model/replication.ts'
import type { Sr, SrCreate } from '../model/sr.ts'
import type { Vdi, VdiCreate } from '../model/vdi.ts'

/**
 * The storage manager of one host: all that the toolstack knows of disks. Local or remote, real or
 * simulated. Everything may be repeated; names follow the SMAPI where the meaning is the same.
 */
export interface StorageManager {
  facts(): Promise<StorageFacts>
  listSrs(): Promise<readonly Sr[]>
  createSr(create: SrCreate): Promise<Sr>
  forgetSr(sr: string): Promise<void>
  listVdis(filter?: { readonly sr?: string; readonly device?: string }): Promise<readonly Vdi[]>
  getVdi(vdi: string): Promise<Vdi>
  /** `id` makes it repeatable. @throws SR_FULL */
  createVdi(create: VdiCreate & { readonly id?: string }): Promise<Vdi>
  /** @throws WRONG_STATE for a VDI in use or of the administrator's. A missing one is no error. */
  destroyVdi(vdi: string): Promise<void>
  attach(vdi: string): Promise<Vdi>
  activate(vdi: string): Promise<Vdi>
  deactivate(vdi: string): Promise<Vdi>
  detach(vdi: string): Promise<Vdi>
  /** Takes over the device of a running VM that we did not start. @throws DISK_NOT_MAPPED */
  adopt(vdi: string, device: string): Promise<Vdi>
  disown(vdi: string): Promise<Vdi>
  /** VDI.get_replication_target. `schemes`: what the source can do. `source`: fingerprint of the only sm that may use the answer; left out, any may. */
  getReplicationTarget(
    vdi: string,
    schemes?: readonly string[],
    source?: string,
  ): Promise<{ readonly uri: string; readonly replication: string }>
  /** VDI.replicate_to. @throws URI_INVALID, URI_REFUSED, SIZE_MISMATCH, PEER_UNREACHABLE, BUSY */
  replicateTo(vdi: string, uri: string): Promise<Replication>
  /**
   * Moves a disk to another SR of this host while a VM may use it, and answers when that has begun. A
   * repeated call is answered, also when it has been done. @throws BUSY, NOT_SUPPORTED, SR_FULL
   */
  relocate(vdi: string, sr: string): Promise<Vdi>
  /**
   * Calls `onChange` at once and at every change; resolves with the last one, and at once where it is over.
   * @throws NOT_FOUND when nothing is known of one: none was begun since the storage manager was started
   */
  followRelocation(
    vdi: string,
    onChange: (relocation: Relocation) => void,
    signal: AbortSignal,
  ): Promise<Relocation>
  /** Takes it back if it is not over; resolves when it is. None is no error. */
  cancelRelocation(vdi: string): Promise<void>
  listReplications(): Promise<readonly Replication[]>
  getReplication(replication: string): Promise<Replication>
  /** Calls `listener` at once and at every change, until stopped. */
  watchReplication(replication: string, listener: (replication: Replication) => void): () => void
  /**
   * Copying takes no more than this from now on; null: as fast as goes. To be told on both sides,
   * since it depends on the provider which of them keeps it.
   */
  limitReplication(replication: string, bytesPerSecondMax: number | null): Promise<Replication>
  /**
   * Instead of stopping it: one of its disks stays as a replica of the other, until its time has come, it is
   * stopped, or it is begun again by `getReplicationTarget` and `replicateTo`, which then copy what differs
   * under the same id. The source, where the VM is, is told first. `keep` left out: as it was kept before; a
   * source that does not know for sure what differs ends it instead. A replica that is stopped with 'nothing'
   * is removed with its volume, if that is ours. @throws NOT_FOUND, WRONG_STATE, NOT_SUPPORTED
   */
  keepReplication(replication: string, keep?: KeepReplication): Promise<void>
  /**
   * Source: begins to compare both sides of a synchronous mirror; `verification` of the replication tells what comes
   * of it. One that is under way is answered. @throws NOT_FOUND, NOT_SUPPORTED
   */
  verifyReplication(replication: string): Promise<Replication>
  /** Takes the mirror out on this side. `keep`: 'volume' when the VM runs (or will run) here. A missing one is no error. */
  stopReplication(replication: string, keep: 'volume' | 'nothing'): Promise<void>
  /** The disks' handover; see ports/datapath.ts. Each disk with its replication, or null where both sides reach it. */
  armHandover(disks: readonly DiskHandover[]): Promise<void>
  releaseDisks(disks: readonly DiskHandover[]): Promise<void>
  reclaimDisks(disks: readonly DiskHandover[]): Promise<void>
  takeDisks(disks: readonly DiskHandover[]): Promise<void>
  leftovers(): Promise<readonly Leftover[]>
  /** Removes what has no reason. Answers it; where it is in use, with the reason why it stays. */
  cleanLeftovers(): Promise<readonly Leftover[]>
}

export interface DiskHandover {
  readonly vdi: string
  readonly replication: string | null
}

export interface StorageFacts {
  readonly host: string
  readonly apiVersion: string
  /** Of its key. */
  readonly fingerprint: string
  /** Replication schemes, best first. */
  readonly replicationSchemes: readonly string[]
  /** What keeps it from encrypting replications, and what to do about it; null: nothing. */
  readonly encryptionObstacle: string | null
  /** How it can keep replicas, best first. */
  readonly keepModes: readonly KeepMode[]
  /** What an activated VDI looks like to a hypervisor. */
  readonly deviceKind: DeviceKind
  /** It can compare both sides of a replication. */
  readonly verifies: boolean
}

/** One thing of ours on this host. Without a reason it is a leftover. */
export interface Leftover {
  readonly kind: string
  readonly name: string
  readonly owner: string
  readonly reason: string | null
}

import type { DeviceKind } from '../model/host.ts'
import type { KeepMode, VerificationResult } from '../model/replication.ts'
import type { VolumeFormat } from '../model/vdi.ts'
import type { Presentation } from './volume-store.ts'

/**
 * How a VM reaches its volume, and how a mirror goes beneath the volume while the VM runs. The
 * kernel's datapath slides DRBD under a device-mapper device; a user-space one may do it in a
 * storage daemon. Every method may be repeated after a crash and then ends in the same state.
 *
 * One mirror, seen from both sides (`offer` and `accept` answer plain data for the other side):
 *
 *   target                      source
 *   offer            ------->   (the URI carries id, size and secret)
 *   accept(hello)    <-------   prepare -> hello
 *   welcome          ------->   start(welcome)          sync, then every write on both sides
 *                               arm                     all that can be done before the handover
 *   arm
 *                               release                 drained, fenced, not writable
 *   take                                                writable here, the VM's device leads to it
 *   close                       close                   mirror taken out, nothing left behind
 */
export interface Datapath {
  readonly capabilities: DatapathCapabilities
  /**
   * Makes the VM's device for an attached volume and answers what the hypervisor is given: the path
   * of a block device, or an NBD URI (`nbd+unix:///EXPORT?socket=PATH`) whose server may go away for
   * a while: the VM's I/O then has to wait, not to fail.
   */
  activate(disk: Disk): Promise<string>
  deactivate(disk: Disk): Promise<void>
  /** Answers the stable device that a running VM already has for this volume. @throws DISK_NOT_MAPPED */
  adopt(disk: Disk, device: string): Promise<string>

  offer(mirror: Mirror): Promise<void>
  prepare(mirror: Mirror): Promise<MirrorHello>
  accept(mirror: Mirror, hello: MirrorHello): Promise<MirrorHello>
  start(mirror: Mirror, welcome: MirrorHello): Promise<void>
  /**
   * Source and target: from now on copying takes no more than this, if it is this side's to keep;
   * null: as fast as goes. The VM's own writes are not held up. It lasts until it is changed.
   */
  limit(mirror: Mirror, bytesPerSecondMax: number | null): Promise<void>
  /** Calls `listener` at once and at every change. Answers how to stop. */
  watch(mirror: Mirror, listener: (status: MirrorStatus) => void): () => void

  /**
   * Source, mirror synchronous: compares all of both disks, as they are on disk, while the VM writes. Aborted
   * it is not waited for any more. Only where `verifies` says so. @throws NOT_SUPPORTED, REPLICATION_LOST
   */
  verify(mirror: Mirror, signal: AbortSignal): Promise<VerificationResult>
  /** Source and target: does everything for the handover that can be done before it. */
  arm(handover: readonly HandoverDisk[]): Promise<void>
  /**
   * Source, VM paused: afterwards every acknowledged write is on the other side, this side cannot
   * write, and I/O that still comes is held back, not failed.
   * @throws REPLICATION_LOST when the mirror is not synchronous; then nothing has changed
   */
  release(handover: readonly HandoverDisk[]): Promise<void>
  /** Source, after a refusal by the target: writable here as before; what was held back flows. */
  reclaim(handover: readonly HandoverDisk[]): Promise<void>
  /** Target: writable here, and the VM's device leads to it. @throws HANDOVER_REFUSED, and then nothing is writable here */
  take(handover: readonly HandoverDisk[]): Promise<void>
  /**
   * Instead of `close`, once the mirror is synchronous or has been handed over: one of its disks becomes a
   * replica of the other. `mirror.side` says what this one is from now on, whatever it was: the VM is, or
   * may be, at the source; at the target nobody can write, and the VM's device is a fence. Whatever the
   * source writes from then on (after a handover: from `take` on) is known to differ, also while the sides
   * cannot talk. Begun again (offer, prepare, accept and start with the same id) the mirror copies that
   * alone, unless `welcome` or `hello` says that this is not known any more: then all of it. A source that is
   * kept in mode `difference` is `paused`, with `outOfSyncBytes` for what differs. A replica can be
   * deactivated, is activated again (not writable) before it is offered again, and is never taken before that.
   * To be told to the source first.
   */
  keep(mirror: Mirror, mode: KeepMode): Promise<void>
  /**
   * Takes the mirror out from beneath the VM's device, which stays in use where `keep` is 'volume'
   * (the VM runs here) and turns into a fence where it is 'nothing' (the VM has gone).
   */
  close(mirror: Mirror, keep: 'volume' | 'nothing'): Promise<void>
  /**
   * Moves a disk onto another volume of this host, in use or not. The VM's device stays, and whatever
   * fails the VM sees no error. Until `commit` is called the old volume has every acknowledged write;
   * when it is called both volumes have, and what the VM writes waits until it has ended. What it has
   * recorded durably then says on which volume the disk is.
   * @throws COPY_FAILED, or what ended it; the device leads to the old volume again, unless `commit` has ended
   */
  relocate(disk: Disk, to: Disk, relocation: Relocation): Promise<void>
  /** After a crash: the VM's device leads to this volume alone, whatever a relocation has left. */
  settle(disk: Disk): Promise<void>
  /** Everything on this host that bears our names, with or without a reason. */
  inventory(): Promise<readonly InventoryItem[]>
  /**
   * Removes everything that the inventory lists for this owner, as far as nobody uses it; a repeated
   * or unknown one is no error. The caller knows that nobody needs it. @throws BUSY for what is in use
   */
  discard(owner: string): Promise<void>
}

export interface DatapathCapabilities {
  /** Schemes of the replication URIs that it can make and follow, best first. Empty: no mirror on this host. */
  readonly schemes: readonly string[]
  /** What keeps this host from encrypting mirrors, and what to do about it; null: nothing. */
  readonly encryptionObstacle: string | null
  readonly description: string
  /** How it wants volumes attached. */
  readonly presentation: Presentation
  /** What `activate` answers. */
  readonly deviceKind: DeviceKind
  /** How replicas can be kept, best first. Empty: not at all. */
  readonly keeps: readonly KeepMode[]
  /** It can compare the two sides of a mirror. */
  readonly verifies: boolean
}

export interface Disk {
  readonly vdi: string
  readonly sizeBytes: number
  /** Block device or image of the attached volume. */
  readonly volumePath: string
  /** How the bytes of the disk lie in it. A block device is always raw. */
  readonly format: VolumeFormat
  /** Whole blocks of the volume that are discarded are known to read as zeroes afterwards. */
  readonly discardsReadAsZeroes?: boolean
  /** Name of the adopted device; null for a device of our own. */
  readonly adopted: string | null
}

export interface Mirror {
  readonly id: string
  readonly side: 'source' | 'target'
  /** The side that it was when it began: names bear it. A mirror that is kept changes its sides, never its ends. */
  readonly end: 'source' | 'target'
  /** One of the schemes that both sides have, as its replication URI names it. */
  readonly scheme: string
  readonly disk: Disk
  readonly secret: string
}

/** What one side's provider tells the other's. Plain data, made and read by the providers alone. */
export type MirrorHello = Readonly<Record<string, string | number>>

/** `mirror` is null for a disk that both hosts reach. */
export interface HandoverDisk {
  readonly disk: Disk
  readonly mirror: Mirror | null
}

export interface Relocation {
  /** Bytes that are still to be copied. */
  onProgress(leftBytes: number): void
  commit(): Promise<void>
  /** Ends it, as long as `commit` has not been called. */
  readonly signal: AbortSignal
}

export interface MirrorStatus {
  /** `paused`: the two sides do not talk because they were told not to; `outOfSyncBytes` differ. */
  readonly state:
    | 'connecting'
    | 'syncing'
    | 'synced'
    | 'interrupted'
    | 'paused'
    | 'handed-over'
    | 'failed'
  readonly outOfSyncBytes: number
  readonly sentBytes: number
  readonly reason: string | null
}

export interface InventoryItem {
  readonly kind:
    | 'minor'
    | 'mapped-device'
    | 'resource-file'
    | 'metadata'
    | 'loop-device'
    | 'volume'
    | 'reservation'
    | 'link'
    | 'process'
  readonly name: string
  /** VDI or replication it bears the id of. */
  readonly owner: string
}

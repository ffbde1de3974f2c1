import type { Duplex } from 'node:stream'
import type { DeviceKind, HostFacts, Network } from '../model/host.ts'
import type { MemoryTuning } from '../model/migration.ts'
import type { VmConfiguration, VmDisk, VmFacts, VmReboot, VmStart } from '../model/vm.ts'
import type { DiskWrites } from '../model/write-latency.ts'

/**
 * Runs VMs. Knows nothing of storage: a disk is a device that is there.
 *
 *   source                         destination
 *   send(stream)  ---- memory ---> receive(stream)
 *   stopped
 *   paused                         ready            (VM stopped, memory across, disks still the source's)
 *   [the engine hands the disks over]
 *   finish        ---- rest ----->
 *                                  start            (runs here)
 *   forget                                          (the source's copy is gone)
 */
export interface Hypervisor {
  readonly capabilities: HypervisorCapabilities
  host(): Promise<HostFacts>
  networks(): Promise<readonly Network[]>
  list(): Promise<readonly VmFacts[]>
  /** The VM of this UUID, else one of this name, as `list` shows it. It looks at no others where that can be helped. */
  find(idOrName: string): Promise<VmFacts | null>
  /** Calls `listener` when the list may have changed. Answers how to stop. */
  watch(listener: () => void): () => void
  /** What `receive` needs at the destination, as plain data. @throws NOT_FOUND */
  configuration(vm: string): Promise<VmConfiguration>
  /** What this host's VMs may use of its CPU compared with what `vm`, as configured elsewhere, has: the missing features. */
  missingCpuFeatures(configuration: VmConfiguration): Promise<readonly string[]>
  /** What a VM that is configured elsewhere boots from, and could not here: kernels and the like. A disk is none of them. */
  unusableBootFiles(configuration: VmConfiguration): Promise<readonly UnusableBootFile[]>
  /** Starts a VM on devices that are there. @throws ALREADY_EXISTS, NOT_SUPPORTED, MEMORY_SHORT */
  start(vm: VmStart): Promise<void>
  /** Begins to send a running VM's memory; the VM runs on meanwhile. @throws NOT_FOUND */
  send(vm: string, stream: Duplex, options: SendOptions): Promise<OutgoingVm>
  /** Begins to build the VM from the stream. It does not run, and does not touch its disks, before `start`. */
  receive(configuration: VmConfiguration, stream: Duplex): Promise<IncomingVm>
  /**
   * What the VM has written on these disks, which are its own: as the guest waited for it, or as near to that as
   * this host can see. Counts since the VM came here, or longer, and never less than it said before. Changes
   * nothing, and is so cheap that it may be asked every second. What cannot be counted is left out.
   */
  diskWrites(
    vm: string,
    disks: readonly Pick<VmDisk, 'slot' | 'device'>[],
  ): Promise<readonly DiskWrites[]>
  /**
   * Resolves when a VM that came here a moment ago, on these disks, has found all its devices again, or has had time
   * enough for it. What can wait does so until then: it would take the CPU from that. Changes nothing, never rejects.
   */
  untilConnected(vm: string, disks: readonly Pick<VmDisk, 'device'>[]): Promise<void>
  /**
   * Runs a VM that a send left suspended, or that was received and not yet run, when this daemon
   * died; one that runs is left alone.
   * @throws NOT_FOUND; WRONG_STATE when the guest has ended by itself; HANDOVER_REFUSED when it was
   * received, certainly has not run here and never will
   */
  resume(vm: string): Promise<void>
  /**
   * Asks the guest to shut down, and does not wait: it ends by itself, or never. `list` does not show
   * it once it has ended. @throws NOT_FOUND; WRONG_STATE unless it runs; BUSY while it is being sent
   */
  shutdown(vm: string): Promise<void>
  /**
   * `clean` asks the guest, as `shutdown` does; it stays the same VM on the same devices. `hard` starts
   * it anew at once, also a paused one. @throws NOT_FOUND; WRONG_STATE; BUSY while it is being sent;
   * NOT_SUPPORTED for `hard` without the capability
   */
  reboot(vm: string, how: VmReboot): Promise<void>
  /** Afterwards the guest stands still, its memory kept; one that is paused is no error. @throws NOT_FOUND; WRONG_STATE; BUSY while it is being sent */
  pause(vm: string): Promise<void>
  /** Runs a paused VM on; one that runs is no error. Never one that was sent or received: @throws NOT_FOUND, WRONG_STATE, BUSY */
  unpause(vm: string): Promise<void>
  /** Ends the VM at once, as if its power were cut; one that is not there is no error. */
  destroy(vm: string): Promise<void>
}

export interface UnusableBootFile {
  readonly path: string
  readonly reason: string
  /** `receive` refuses the VM for it. Otherwise nothing fails before the VM's next boot. */
  readonly isRefused: boolean
}

export interface HypervisorCapabilities {
  readonly type: string
  /** `finish` has something to send after the disks have been handed over, so `start` must wait for it. */
  readonly sendsAfterHandover: boolean
  /** What its guests' disks are called before the letter: vd, xvd. */
  readonly diskSlotPrefix: string
  /** The kinds of device that it can give to a VM. */
  readonly deviceKinds: readonly DeviceKind[]
  /** `reboot` can be `hard`. */
  readonly resets: boolean
  /** `send` heeds `downtimeLimitMs` and `autoConverge`. */
  readonly tunesMemory: boolean
  /** `diskWrites` counts. */
  readonly countsWrites: boolean
}

export interface SendOptions extends MemoryTuning {
  readonly signal: AbortSignal
  readonly onProgress: (progress: MemoryProgress) => void
}

export interface MemoryProgress {
  readonly sentBytes: number
  readonly totalBytes: number
  /** How often the memory has been gone through, where that is known. */
  readonly passes?: number
}

export interface OutgoingVm {
  /**
   * Resolves when the VM stands still and its disks have all that it wrote, be it that the rest of its memory is still on its
   * way: what then becomes of its disks does not hinder that. Rejects when sending failed before.
   */
  readonly stopped: Promise<void>
  /** Resolves when the VM is stopped and waits for its disks; rejects when sending failed, and then the VM runs on here. */
  readonly paused: Promise<void>
  /** Sends what is left. After it this side will not run the VM unless `resume` is called. */
  finish(): Promise<void>
  /** Runs the VM on here, whatever has been sent; safe to repeat, and from any state before `forget`. */
  resume(): Promise<void>
  /** The VM runs elsewhere: removes the copy here. */
  forget(): Promise<void>
}

export interface IncomingVm {
  /** Resolves when the memory is across; rejects when the VM cannot be built. */
  readonly ready: Promise<void>
  /** Runs the VM. @throws HANDOVER_REFUSED when it certainly does not run and never will */
  start(): Promise<void>
  /** Removes what was built; the VM has never run here. */
  discard(): Promise<void>
}

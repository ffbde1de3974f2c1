import type { KeyedLock } from '../../lib/keyed-lock.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { Monitors } from './monitors.ts'
import type { Accelerator } from './prove-kvm.ts'
import type { QemuProbe } from './qemu-probe.ts'

/**
 * What a guest's interface can be plugged into: a bridge of the host (through qemu-bridge-helper,
 * which /etc/qemu/bridge.conf must allow), QEMU's own NAT, or the Unix socket of a user-space switch.
 */
export type QemuNetwork =
  | { readonly type: 'bridge'; readonly bridge: string }
  | { readonly type: 'user' }
  | { readonly type: 'socket'; readonly path: string }

export type QemuNetworks = Readonly<Record<string, QemuNetwork>>

export interface QemuLimits {
  /** How long the memory stream may stand still once it has begun. */
  readonly idleMs: number
  /** How long one step of QEMU may take: to start, to stop or run a guest, to end. */
  readonly stepMs: number
  /** How long a monitor may take to answer a question. */
  readonly answerMs: number
  /** QEMU has no events for how much it has sent, so it is asked this often. */
  readonly progressMs: number
  /** How long a guest may take to follow when it is asked to reboot. */
  readonly rebootMs: number
  /** How long the proof that KVM works may take. */
  readonly proofMs: number
}

export const defaultQemuLimits: QemuLimits = {
  idleMs: 60_000,
  stepMs: 60_000,
  answerMs: 15_000,
  progressMs: 100,
  rebootMs: 300_000,
  proofMs: 2_000,
}

/** What the parts of the driver share. */
export interface QemuContext {
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  /** Name or path of qemu-system-x86_64. */
  readonly command: string
  /** Holds a folder for each VM. */
  readonly directory: string
  readonly networks: QemuNetworks
  readonly kernelDirectories: readonly string[]
  readonly limits: QemuLimits
  readonly monitors: Monitors
  readonly probe: QemuProbe
  /** One act at a time for each VM's folder. */
  readonly lock: KeyedLock
  /** VMs whose QEMU is being started: there is a folder, but nobody in it yet. */
  readonly launching: Set<string>
  /** Names of VMs by their UUIDs, as far as they have been asked for. */
  readonly names: Map<string, string>
  /** VMs whose memory this daemon is sending, and has not yet sent. */
  readonly sending: Set<string>
  /** KVM where it works, or what the administrator has chosen. */
  accelerator(): Promise<Accelerator>
}

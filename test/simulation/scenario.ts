import type { KeepMode } from '../../src/model/replication.ts'

/** What is simulated. All of it follows from a seed, or from a crash point. */
export interface Scenario {
  /** Decides who goes on next, and every identifier. */
  readonly seed: string
  readonly style: PausingStyle
  readonly disks: DiskKind
  readonly events: readonly PlannedEvent[]
  readonly network: NetworkQuality
  /** The disks that the VM leaves are kept for a while, until their time has come. */
  readonly keepReplica?: KeepMode
  /** What comes before the migration, and leaves replicas that it goes on from: the way there, or a copy beforehand. */
  readonly journey?: Journey
  /** After a journey the migration keeps replicas too. */
  readonly keepsAgain?: boolean
}

/** `back`: the VM has gone to the other host, and goes back; `copied`: its disks were copied to where it goes. */
export type Journey = 'back' | 'copied'
export const journeys: readonly [Journey, ...Journey[]] = ['back', 'copied']

/**
 * How a hypervisor pauses and receives. `early`: all is across before the disks' handover, as in Xen;
 * `late`: some state goes across after it; `kept`: as `early`, and a VM that has been received outlives
 * the daemon, as in QEMU.
 */
export type PausingStyle = 'early' | 'late' | 'kept'
export const pausingStyles: readonly [PausingStyle, ...PausingStyle[]] = ['early', 'late', 'kept']

export type DiskKind = 'replicated' | 'shared' | 'mixed'
export const diskKinds: readonly [DiskKind, ...DiskKind[]] = ['replicated', 'shared', 'mixed']

export const keepModes: readonly [KeepMode, ...KeepMode[]] = ['every-write', 'difference']

/** Happens when so many points of all daemons, or of the one that is named, have been passed. */
export interface PlannedEvent {
  readonly atPoint: number
  /** Counts this daemon's points alone. */
  readonly daemon: string | null
  readonly what: EventKind
  /** Until it is mended, started anew, and so on. */
  readonly forMs: number
}

export type EventKind =
  | 'crash-daemon'
  | 'lose-power'
  | 'cut-link'
  | 'cancel'
  | 'guest-shutdown'
  | 'guest-crash'
  | 'guest-reboot'
  | 'send-fails'
  | 'receive-fails'
  | 'finish-fails'
  | 'start-refused'
  | 'start-uncertain'
  | 'resume-fails'
  | 'forget-fails'

/** Chances for each request. */
export interface NetworkQuality {
  readonly lost: number
  readonly delayed: number
  readonly repeated: number
}

export const goodNetwork: NetworkQuality = { lost: 0, delayed: 0, repeated: 0 }

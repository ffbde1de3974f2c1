import type { Observation } from '../lab/network/guest-report.ts'
import type { Span } from './blackout.ts'

/** A moment at which something begins that lasts until the next one. */
export interface Mark {
  readonly name: string
  readonly atMs: number
}

/** What a contender knows of a migration of its own; the rest is seen from outside. */
export interface Moved {
  readonly beganMs: number
  /** The disk's copy: from the order to copy until both sides are the same. Null: both reach the disk. */
  readonly sync: Span | null
  /** Where the link cannot be looked at: how much was sent for that, as the contender counts. */
  readonly copiedBytes?: number
  readonly endedMs: number
  /** The disks' share of the blackout. */
  readonly handoverMs: number
  /** What was done, in order. */
  readonly marks: readonly Mark[]
}

/** A disk of which only a part was ever written. */
export interface SparseDisk {
  readonly sizeBytes: number
  readonly allocatedBytes: number
}

/** A way to migrate a running VM with a disk that only its own host reaches. */
export interface Contender {
  readonly name: string
  /** Starts the guest on a disk like this. Waits until it writes. */
  start(disk: SparseDisk): Promise<void>
  /** To the other side; the next call leads back. */
  move(): Promise<Moved>
  observations(sinceMs: number): Promise<readonly Observation[]>
  /** Ends the guest. Answers what is wrong with its disk. */
  end(): Promise<readonly string[]>
  close(): Promise<void>
}

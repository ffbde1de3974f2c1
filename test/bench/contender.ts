import type { Observation } from '../lab/network/guest-report.ts'

/** A moment at which something begins that lasts until the next one. */
export interface Mark {
  readonly name: string
  readonly atMs: number
}

/** What a contender knows of a migration of its own; the rest is seen from outside. */
export interface Moved {
  readonly beganMs: number
  /** The disk's copy: from the order to copy until both sides are the same. */
  readonly sync: { readonly beganMs: number; readonly endedMs: number }
  readonly endedMs: number
  /** The disks' share of the blackout. */
  readonly handoverMs: number
  /** What was done, in order. */
  readonly marks: readonly Mark[]
}

/** A way to migrate a running VM with a disk that only its own host reaches. */
export interface Contender {
  readonly name: string
  /** Starts the guest on a disk that `fill` has written to. Waits until it writes. */
  start(sizeBytes: number, fill: (path: string) => Promise<void>): Promise<void>
  /** To the other side; the next call leads back. */
  move(): Promise<Moved>
  observations(sinceMs: number): readonly Observation[]
  /** Ends the guest. Answers what is wrong with its disk. */
  end(): Promise<readonly string[]>
  close(): Promise<void>
}

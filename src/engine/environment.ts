import type { Clock, Random } from '../ports/clock.ts'
import type { Hypervisor } from '../ports/hypervisor.ts'
import type { Log } from '../ports/log.ts'
import type { ToolstackPeers } from '../ports/peers.ts'
import type { RecordStore } from '../ports/record-store.ts'
import type { StorageManager } from '../ports/storage-manager.ts'

/** All that the toolstack works with; nothing else reaches the outside. */
export interface ToolstackEnvironment {
  readonly host: string
  readonly pool: string
  /** Where other hosts reach this one's xapi. */
  readonly url: string
  readonly apiVersion: string
  readonly storage: StorageManager
  readonly hypervisor: Hypervisor
  readonly peers: ToolstackPeers
  readonly store: RecordStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How many migrations may run at once; more wait. Left out: any number. */
  readonly limits?: MigrationLimits
  readonly heartbeat: { readonly intervalMs: number; readonly deadlineMs: number }
}

export interface MigrationLimits {
  /** Leaving this host, and arriving at it. */
  readonly host: number
  /** To one destination. */
  readonly link: number
  /** Arriving from one host. */
  readonly peer: number
  /** From one SR. */
  readonly sr: number
}

import type { CrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { HypervisorWorld } from './hypervisor-world.ts'

/** What the two directions of a migration need to know of their host. */
export interface SimulatedContext {
  readonly world: HypervisorWorld
  readonly host: string
  readonly clock: Clock
  readonly sendsAfterHandover: boolean
  readonly keepsReceived: boolean
  readonly chunkMs: number
  readonly deadlineMs: number
  readonly onCrash: Set<() => void>
  /** VMs that a send of this daemon holds. */
  readonly sending: Set<string>
  deadline<T>(work: Promise<T>, what: string): Promise<T>
  wrongState(id: string, state: string, operation: string, needed: string): CrosspoolError
}

import type { ClusterHost } from '../../e2e/cluster.ts'
import type { TestGuest } from '../../lab/guest/test-guest.ts'
import type { LabLink } from '../../lab/lab-link.ts'
import type { Ending, Fault } from '../faults.ts'
import type { Era } from '../phases.ts'

export interface XenSides {
  readonly source: ClusterHost
  readonly destination: ClusterHost
  readonly link: LabLink
  readonly guest: TestGuest
}

export interface XenFault extends Pick<Fault, 'name' | 'expected' | 'except'> {
  /** The SR that the disk goes to, where it matters. */
  readonly sr?: string
  inject(sides: XenSides, era: Era): Promise<Ending>
}

import { z } from 'zod'
import type { LabImage } from '../image/build-image.ts'
import type { Observation } from '../network/guest-report.ts'
import type { LinkShape } from '../network/shaper.ts'
import type { HostKind, Topology } from '../topology.ts'
import type { HostPhase } from './host-machine.ts'

/** What can be asked of a running lab, over its socket. The server checks parameters, the client trusts answers. */

export interface HostStatus {
  readonly name: string
  readonly pool: string
  readonly kind: HostKind
  /** On the data network. */
  readonly address: string
  readonly phase: HostPhase
  readonly pid: number | undefined
  readonly ports: Readonly<Record<'ssh' | 'sm' | 'xapi', number>>
  readonly lastBootMs: number | undefined
  readonly lastProblem: string | undefined
}

export interface PortStatistics {
  readonly host: string
  readonly isConnected: boolean
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly droppedFrames: number
}

export interface LabStatus {
  readonly name: string
  readonly supervisorPid: number
  readonly image: LabImage
  readonly topology: Topology
  readonly hosts: readonly HostStatus[]
  readonly ports: readonly PortStatistics[]
  readonly shapes: Readonly<Record<string, LinkShape>>
}

const hostName = z.object({ host: z.string() })
/** A host's own link, or the path between two hosts. */
const target = z.union([
  z.object({ host: z.string() }),
  z.object({ between: z.tuple([z.string(), z.string()]).readonly() }),
])

export const parameters = {
  status: z.object({}),
  start: hostName,
  powerCut: hostName,
  reboot: hostName,
  shape: z.object({
    target,
    direction: z.enum(['both', 'out', 'in']),
    change: z.object({
      isCut: z.boolean().optional(),
      delayMs: z.number().min(0).optional(),
      lossPercent: z.number().min(0).max(100).optional(),
      bytesPerSecond: z.number().positive().optional(),
    }),
    /** For a host's own link: whether the host's card sees the cable as plugged in. */
    hasCarrier: z.boolean().optional(),
  }),
  heal: z.object({ target: target.optional() }),
  guests: z.object({}),
  observations: z.object({ guest: z.string(), sinceMs: z.number() }),
  forgetGuest: z.object({ guest: z.string() }),
  down: z.object({}),
} as const

export type OperationName = keyof typeof parameters
export type Parameters<Name extends OperationName> = z.infer<(typeof parameters)[Name]>

export interface GuestSummary {
  readonly guest: string
  readonly last: Observation
  readonly count: number
}

export interface Answers {
  status: LabStatus
  start: null
  powerCut: null
  reboot: null
  shape: null
  heal: null
  guests: readonly GuestSummary[]
  observations: readonly Observation[]
  forgetGuest: null
  down: null
}

export type Operations = {
  [Name in OperationName]: (parameters: Parameters<Name>) => Promise<Answers[Name]> | Answers[Name]
}

import type { PlaygroundHost } from '../playground/playground-host.ts'

/** Whose the VM is: of the source, on its way, or of the destination for good. */
export type Era = 'before' | 'handover' | 'after'

interface HeldCall {
  readonly what: 'request' | 'answer'
  /** Whom the source's xapi asks. */
  readonly asks: 'own sm' | 'other xapi'
  readonly path: RegExp
}

/** A moment of a migration at which something happens. */
export interface Phase {
  readonly name: string
  readonly step: string
  readonly era: Era
  /** The call that is held so that the moment lasts; without one the step lasts by itself. */
  readonly held?: HeldCall
  readonly explanation: string
}

export const phases: readonly Phase[] = [
  {
    ...{ name: 'reserve', step: 'reserve', era: 'before' },
    held: { what: 'answer', asks: 'other xapi', path: /^\/v1\/receivers$/ },
    explanation: 'the destination has made disks, and the source has not heard of it',
  },
  {
    ...{ name: 'replicate', step: 'replicate', era: 'before' },
    held: { what: 'answer', asks: 'own sm', path: /\/replicate-to$/ },
    explanation: 'a mirror has begun, and xapi has not heard of it',
  },
  {
    ...{ name: 'synchronise', step: 'synchronise', era: 'before' },
    explanation: 'the disks are being copied',
  },
  {
    ...{ name: 'arm', step: 'arm', era: 'before' },
    held: { what: 'answer', asks: 'own sm', path: /\/handover\/arm$/ },
    explanation: 'the handover is prepared, and xapi has not heard of it',
  },
  {
    ...{ name: 'memory', step: 'memory', era: 'before' },
    explanation: 'some memory has been sent',
  },
  {
    ...{ name: 'release', step: 'release', era: 'handover' },
    held: { what: 'answer', asks: 'own sm', path: /\/handover\/release$/ },
    explanation: 'the VM is paused and its disks are released, which is not recorded yet',
  },
  {
    ...{ name: 'take', step: 'take', era: 'handover' },
    held: { what: 'request', asks: 'other xapi', path: /\/take$/ },
    explanation: 'the VM is released, and the destination has not been asked yet',
  },
  {
    ...{ name: 'taken', step: 'take', era: 'after' },
    held: { what: 'answer', asks: 'other xapi', path: /\/take$/ },
    explanation: 'the destination runs it, and the source has not heard of it',
  },
  {
    ...{ name: 'unmirror', step: 'unmirror', era: 'after' },
    held: { what: 'answer', asks: 'other xapi', path: /\/close$/ },
    explanation: 'the destination has taken its mirrors out, and the source has not heard of it',
  },
  {
    ...{ name: 'put-away', step: 'put-away', era: 'after' },
    held: { what: 'answer', asks: 'own sm', path: /\/deactivate$/ },
    explanation: 'the first disk of the source is being put away',
  },
]

export function portOf(
  asks: HeldCall['asks'],
  source: PlaygroundHost,
  destination: PlaygroundHost,
): number {
  return asks === 'own sm' ? source.plan.ports.sm : destination.plan.ports.xapi
}

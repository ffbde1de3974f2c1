import type { Operation } from '../../../model/operation.ts'
import type { XenApiBackend } from '../backend.ts'
import type { Arguments, CallDescription, CallDescriptions } from '../calls/describe-call.ts'
import type { Notes } from '../notes.ts'
import type { Session, Sessions } from '../sessions.ts'
import type { Tasks } from '../tasks.ts'
import type { ValueOf } from '../types.ts'
import type { ObjectView } from '../view/object-view.ts'
import type { WireValue } from '../wire/plain.ts'

export interface FaceParts {
  readonly backend: XenApiBackend
  readonly view: ObjectView
  readonly sessions: Sessions
  readonly tasks: Tasks
  readonly notes: Notes
  /** Aborted when the daemon stops: nobody waits any longer. */
  readonly closing: AbortSignal
}

export interface CallContext {
  readonly session: Session
}

/** For values whose type only the handler knows: records of several classes. */
export class Encoded {
  readonly wire: WireValue

  constructor(wire: WireValue) {
    this.wire = wire
  }
}

/** An operation of the engine, and what the call answers once it has succeeded. */
export interface Begun {
  readonly operation: Operation
  readonly answer: string
}

export type Handler<Call extends CallDescription> = (
  parameters: Arguments<Call>,
  context: CallContext,
) => Promise<
  Call extends { readonly kind: 'operation' } ? Begun : ValueOf<Call['result']> | Encoded
>

/** One function per call that is no mere look-up. */
export type CallHandlers<Calls extends CallDescriptions> = {
  readonly [Name in keyof Calls]: Handler<Calls[Name]>
}

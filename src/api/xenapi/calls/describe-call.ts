import type { Role } from '../../../model/access.ts'
import type { ValueOf, XenType, XenValue } from '../types.ts'

export interface Parameter<Value extends XenValue = XenValue> extends XenType<Value> {
  readonly isOptional?: true
}

/**
 * `plain`: answered at once. `slow`: has an `Async.` form too, with a task of its own. `operation`:
 * begins an operation of the engine; its `Async.` form answers that as the task.
 */
export type CallKind = 'plain' | 'slow' | 'operation'

export interface CallDescription {
  readonly about: string
  /** The least that the session's token needs. */
  readonly role: Role
  /** In their order; without the session, which comes before them. */
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly result: XenType
  readonly kind?: CallKind
  /** Needs no session. */
  readonly isOpen?: true
  /** Not in xapi. */
  readonly isOurs?: true
}

export type CallDescriptions = Readonly<Record<string, CallDescription>>

export type Arguments<Call extends CallDescription> = {
  readonly [Name in keyof Call['parameters']]: ValueOf<Call['parameters'][Name]>
}

export function optional<Value extends XenValue>(
  type: XenType<Value>,
  standard: Value = type.standard,
): Parameter<Value> {
  return { ...type, standard, isOptional: true }
}

export function defineCalls<const Calls extends CallDescriptions>(calls: Calls): Calls {
  return calls
}

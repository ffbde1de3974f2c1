import {
  completeRecord,
  type RecordOf,
  type XenClass,
  type XenRecord,
} from '../classes/describe-class.ts'
import type { ClassName } from '../classes/index.ts'
import type { Identity } from './identities.ts'

/** One object as clients see it. */
export interface XenObject {
  readonly className: ClassName
  readonly ref: string
  readonly record: XenRecord
}

export function makeObject<Class extends XenClass & { readonly name: ClassName }>(
  description: Class,
  { uuid, ref }: Identity,
  known: Partial<Omit<RecordOf<Class>, 'uuid'>>,
): XenObject {
  const { fields, name } = description
  return {
    className: name,
    ref,
    record: { ...completeRecord({ name, about: '', fields }, known), uuid },
  }
}

import type { ValueOf, XenType, XenValue } from '../types.ts'

export interface Field<Value extends XenValue = XenValue> {
  readonly type: XenType<Value>
  readonly about: string
}

/** One class of the XenAPI as data: both formats, the events, the getters and the reference follow from it. */
export interface XenClass {
  readonly name: string
  readonly about: string
  readonly fields: Readonly<Record<string, Field>>
  /** Clients may keep notes in `other_config`: its objects stay, so the notes do not pile up. */
  readonly keepsNotes?: true
}

export type RecordOf<Class extends XenClass> = {
  readonly [Name in keyof Class['fields']]: ValueOf<Class['fields'][Name]['type']>
}
export type XenRecord = Readonly<Record<string, XenValue>>

/** A field, with what it is where nothing else is known; the type's own standard value unless told. */
export function field<Value extends XenValue>(
  type: XenType<Value>,
  about: string,
  standard: Value = type.standard,
): Field<Value> {
  return { type: { ...type, standard }, about }
}

export function defineClass<const Class extends XenClass>(description: Class): Class {
  return description
}

/** Every record of a class has every field: some clients make a class of the first that they see. */
export function completeRecord<Class extends XenClass>(
  description: Class,
  known: Partial<RecordOf<Class>>,
): XenRecord {
  const standard = Object.entries(description.fields).map(([name, { type }]) => [
    name,
    type.standard,
  ])
  return { ...Object.fromEntries(standard), ...known }
}

/** The type of a whole record. */
export function recordType(description: XenClass): XenType {
  const fields = Object.fromEntries(
    Object.entries(description.fields).map(([name, { type }]) => [name, type]),
  )
  return { shape: { kind: 'record', fields }, standard: {} }
}

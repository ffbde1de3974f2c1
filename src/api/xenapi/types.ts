/** The types of the XenAPI, as data that carries the TypeScript type of its values along. */
export type XenValue =
  | string
  | number
  | boolean
  | readonly XenValue[]
  | { readonly [name: string]: XenValue }

export type Shape =
  | { readonly kind: 'string' | 'int' | 'int32' | 'float' | 'bool' | 'datetime' | 'void' }
  | { readonly kind: 'ref'; readonly of: string }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'set'; readonly of: XenType }
  | { readonly kind: 'map'; readonly to: XenType; readonly key: XenType }
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, XenType>> }
  /** The whole record of an object, of whatever class. */
  | { readonly kind: 'snapshot' }

export interface XenType<Value extends XenValue = XenValue> {
  readonly shape: Shape
  /** What a field is that nothing else was said of. */
  readonly standard: Value
}

export type ValueOf<Type> = Type extends XenType<infer Value> ? Value : never

export const nullRef = 'OpaqueRef:NULL'

export const string: XenType<string> = { shape: { kind: 'string' }, standard: '' }
export const int: XenType<number> = { shape: { kind: 'int' }, standard: 0 }
export const int32: XenType<number> = { shape: { kind: 'int32' }, standard: 0 }
export const float: XenType<number> = { shape: { kind: 'float' }, standard: 0 }
export const bool: XenType<boolean> = { shape: { kind: 'bool' }, standard: false }
/** Milliseconds since 1970. */
export const datetime: XenType<number> = { shape: { kind: 'datetime' }, standard: 0 }
export const nothing: XenType<string> = { shape: { kind: 'void' }, standard: '' }
export const snapshot: XenType<Readonly<Record<string, XenValue>>> = {
  shape: { kind: 'snapshot' },
  standard: {},
}

export function ref(of: string): XenType<string> {
  return { shape: { kind: 'ref', of }, standard: nullRef }
}

export function oneOf<const Name extends string>(...values: readonly [Name, ...Name[]]) {
  const type: XenType<Name> = { shape: { kind: 'enum', values }, standard: values[0] }
  return type
}

export function set<Value extends XenValue>(of: XenType<Value>): XenType<readonly Value[]> {
  return { shape: { kind: 'set', of }, standard: [] }
}

export function map<Value extends XenValue>(
  key: XenType<string>,
  to: XenType<Value>,
): XenType<Readonly<Record<string, Value>>> {
  return { shape: { kind: 'map', key, to }, standard: {} }
}

export function record<const Fields extends Readonly<Record<string, XenType>>>(
  fields: Fields,
): XenType<{ readonly [Name in keyof Fields]: ValueOf<Fields[Name]> }> {
  const standard = Object.fromEntries(
    Object.entries(fields).map(([name, type]) => [name, type.standard]),
  )
  // The standard values were taken from the very fields whose types are asked for.
  return { shape: { kind: 'record', fields }, standard: standard as never }
}

/** As the reference shows it. */
export function describeType({ shape }: XenType): string {
  switch (shape.kind) {
    case 'ref':
      return `${shape.of} ref`
    case 'enum':
      return shape.values.join(' | ')
    case 'set':
      return `${describeType(shape.of)} set`
    case 'map':
      return `(${describeType(shape.key)} → ${describeType(shape.to)}) map`
    case 'record':
      return `{${Object.keys(shape.fields).join(', ')}}`
    case 'snapshot':
      return 'record'
    default:
      return shape.kind
  }
}

import type { XenType, XenValue } from './types.ts'
import type { WireValue } from './wire/plain.ts'

/** A value of a type as both formats write it. Throws for one that is not of the type: a fault of ours. */
export function toWire({ shape }: XenType, value: XenValue): WireValue {
  switch (shape.kind) {
    case 'int':
    case 'int32':
    case 'float':
    case 'datetime':
      if (typeof value === 'number' && Number.isFinite(value)) return { kind: shape.kind, value }
      break
    case 'bool':
      if (typeof value === 'boolean') return { kind: 'bool', value }
      break
    case 'enum':
      if (typeof value === 'string' && shape.values.includes(value))
        return { kind: 'string', value }
      break
    case 'string':
    case 'ref':
    case 'void':
      if (typeof value === 'string') return { kind: 'string', value }
      break
    case 'set':
      if (Array.isArray(value))
        return { kind: 'array', items: value.map((item) => toWire(shape.of, item)) }
      break
    case 'map':
      if (isMembers(value)) return struct(value, () => shape.to)
      break
    case 'record':
      if (isMembers(value)) return struct(value, (name) => shape.fields[name])
      break
  }
  throw new Error(`${JSON.stringify(value)} is no ${shape.kind}`)
}

function struct(
  members: Readonly<Record<string, XenValue>>,
  typeOf: (name: string) => XenType | undefined,
): WireValue {
  return {
    kind: 'struct',
    members: Object.entries(members).map(([name, value]) => {
      const type = typeOf(name)
      if (!type) throw new Error(`nothing is known of ${name}`)
      return [name, toWire(type, value)]
    }),
  }
}

function isMembers(value: XenValue): value is { readonly [name: string]: XenValue } {
  return typeof value === 'object' && !Array.isArray(value)
}

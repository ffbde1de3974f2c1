import type { CallDescription } from './calls/describe-call.ts'
import { XenApiFailure } from './failure.ts'
import type { XenType, XenValue } from './types.ts'
import type { Plain } from './wire/plain.ts'

/** What came over the wire as the call wants it. @throws MESSAGE_PARAMETER_COUNT_MISMATCH, FIELD_TYPE_ERROR */
export function readArguments(
  method: string,
  { parameters }: CallDescription,
  given: readonly Plain[],
): Readonly<Record<string, XenValue>> {
  const wanted = Object.entries(parameters)
  const needed = wanted.filter(([, { isOptional }]) => !isOptional)
  if (given.length < needed.length || given.length > wanted.length)
    throw new XenApiFailure(
      'MESSAGE_PARAMETER_COUNT_MISMATCH',
      ...[method, String(needed.length), String(given.length)],
    )
  return Object.fromEntries(
    wanted.map(([name, type], index) => {
      const value = given[index]
      return [name, value === undefined ? type.standard : readValue(name, type, value)]
    }),
  )
}

/** Some clients send every number as a text, which is how XML-RPC carries 64 bits. */
function readValue(name: string, { shape }: XenType, plain: Plain): XenValue {
  switch (shape.kind) {
    case 'int':
    case 'int32':
    case 'float': {
      const isText = typeof plain === 'string' && /^-?\d{1,18}(\.\d{1,18})?$/.test(plain)
      const value = isText ? Number(plain) : plain
      if (typeof value === 'number' && Number.isFinite(value)) return value
      break
    }
    case 'bool':
      if (typeof plain === 'boolean') return plain
      break
    case 'set':
      if (isList(plain)) return plain.map((item) => readValue(name, shape.of, item))
      break
    case 'map':
      if (isStruct(plain))
        return Object.fromEntries(
          Object.entries(plain).map(([key, item]) => [key, readValue(name, shape.to, item)]),
        )
      break
    default:
      if (typeof plain === 'string') return plain
  }
  throw new XenApiFailure('FIELD_TYPE_ERROR', name)
}

function isList(plain: Plain): plain is readonly Plain[] {
  return Array.isArray(plain)
}

function isStruct(plain: Plain): plain is { readonly [name: string]: Plain } {
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain)
}

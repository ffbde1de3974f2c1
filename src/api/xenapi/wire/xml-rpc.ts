import { malformed } from './malformed.ts'
import { type Call, formatDateTime, type Outcome, type Plain, type WireValue } from './plain.ts'
import { readXml, type XmlElement } from './xml-reader.ts'
import { escapeXml } from './xml-text.ts'

/** @throws BAD_REQUEST */
export function readXmlRpcCall(document: string): Call {
  const call = named(readXml(document), 'methodCall')
  const method = child(call, 'methodName')
  const parameters = call.children.find(({ name }) => name === 'params')?.children ?? []
  return {
    method: method.text.trim(),
    parameters: parameters.map((parameter) => readValue(child(named(parameter, 'param'), 'value'))),
  }
}

/** `isBare`: without the structure that says how the call went. */
export function writeXmlRpcAnswer(outcome: Outcome, isBare = false): string {
  const answer = 'value' in outcome && isBare ? outcome.value : statusOf(outcome)
  return `<?xml version="1.0"?><methodResponse><params><param>${writeXmlRpcValue(answer)}</param></params></methodResponse>`
}

export function writeXmlRpcValue(value: WireValue): string {
  return `<value>${contentOf(value)}</value>`
}

function statusOf(outcome: Outcome): WireValue {
  if ('value' in outcome)
    return struct([
      ['Status', string('Success')],
      ['Value', outcome.value],
    ])
  return struct([
    ['Status', string('Failure')],
    ['ErrorDescription', { kind: 'array', items: outcome.failure.map(string) }],
  ])
}

function contentOf(wire: WireValue): string {
  switch (wire.kind) {
    case 'string':
      return escapeXml(wire.value)
    case 'int':
      // 64 bits wide in the XenAPI, which XML-RPC has no type for.
      return String(wire.value)
    case 'int32':
      return `<i4>${wire.value}</i4>`
    case 'float':
      return `<double>${writeDouble(wire.value)}</double>`
    case 'bool':
      return `<boolean>${wire.value ? 1 : 0}</boolean>`
    case 'datetime':
      return `<dateTime.iso8601>${formatDateTime(wire.value)}</dateTime.iso8601>`
    case 'array':
      return `<array><data>${wire.items.map(writeXmlRpcValue).join('')}</data></array>`
    case 'struct':
      return `<struct>${wire.members.map(([name, value]) => `<member><name>${escapeXml(name)}</name>${writeXmlRpcValue(value)}</member>`).join('')}</struct>`
  }
}

/** Without an exponent, which XML-RPC does not know. */
function writeDouble(value: number): string {
  if (Math.abs(value) >= 1e21) return String(BigInt(value))
  const text = String(value)
  return text.includes('e') ? value.toFixed(20) : text
}

/** A value of any type; what has no type is a text. */
export function readValue(value: XmlElement): Plain {
  const [typed] = value.children
  if (!typed) return value.text
  if (value.children.length > 1) throw malformed('a value has two types')
  switch (typed.name) {
    case 'string':
    case 'dateTime.iso8601':
      return typed.text
    case 'int':
    case 'i4':
    case 'i8':
      return number(typed.text, /^\s*[+-]?\d{1,19}\s*$/)
    case 'double':
      return number(typed.text, /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*$/)
    case 'boolean':
      if (!/^\s*[01]\s*$/.test(typed.text)) throw malformed('a boolean is neither 0 nor 1')
      return typed.text.trim() === '1'
    case 'nil':
      return null
    case 'array':
      return child(typed, 'data').children.map((item) => readValue(named(item, 'value')))
    case 'struct':
      return Object.fromEntries(
        typed.children.map((member) => {
          const { text } = child(named(member, 'member'), 'name')
          return [text, readValue(child(member, 'value'))]
        }),
      )
    default:
      throw malformed(`there is no type ${typed.name}`)
  }
}

function number(text: string, form: RegExp): number {
  if (!form.test(text)) throw malformed('a number is none')
  return Number(text)
}

function named(element: XmlElement, name: string): XmlElement {
  if (element.name !== name) throw malformed(`<${element.name}> is where <${name}> should be`)
  return element
}

function child(element: XmlElement, name: string): XmlElement {
  const found = element.children.filter((candidate) => candidate.name === name)
  const [only] = found
  if (!only || found.length > 1) throw malformed(`<${element.name}> needs one <${name}>`)
  return only
}

function string(value: string): WireValue {
  return { kind: 'string', value }
}

function struct(members: readonly (readonly [string, WireValue])[]): WireValue {
  return { kind: 'struct', members }
}

import { z } from 'zod'
import { malformed } from './malformed.ts'
import { type Call, formatDateTime, type Outcome, type Plain, type WireValue } from './plain.ts'

export interface JsonRpcCall extends Call {
  readonly id: string | number
  readonly version: '1.0' | '2.0'
}

const depthMax = 40

const callSchema = z.object({
  jsonrpc: z.literal('2.0').optional(),
  method: z.string(),
  params: z.array(z.json()).default([]),
  id: z.union([z.string(), z.number()]).nullish(),
})

/** One call; batches and notifications are refused. @throws BAD_REQUEST */
export function readJsonRpcCall(document: string): JsonRpcCall {
  const { jsonrpc, method, params, id } = parse(document)
  if (id === undefined || id === null) throw malformed('a call without an id would have no answer')
  return { id, version: jsonrpc ?? '1.0', method, parameters: params }
}

export function writeJsonRpcAnswer(
  { id, version }: Pick<JsonRpcCall, 'id' | 'version'>,
  outcome: Outcome,
): string {
  if ('value' in outcome) {
    const result = toJson(outcome.value)
    return JSON.stringify(
      version === '2.0' ? { jsonrpc: '2.0', result, id } : { result, error: null, id },
    )
  }
  const [message, ...data] = outcome.failure
  return JSON.stringify(
    version === '2.0'
      ? { jsonrpc: '2.0', error: { code: 1, message, data }, id }
      : { result: null, error: outcome.failure, id },
  )
}

export function toJson(wire: WireValue): Plain {
  switch (wire.kind) {
    case 'datetime':
      return formatDateTime(wire.value)
    case 'array':
      return wire.items.map(toJson)
    case 'struct':
      return Object.fromEntries(wire.members.map(([name, value]) => [name, toJson(value)]))
    default:
      return wire.value
  }
}

function parse(document: string) {
  try {
    checkDepth(document)
    return callSchema.parse(JSON.parse(document))
  } catch (error) {
    if (error instanceof z.ZodError) throw malformed('it is not one JSON-RPC call')
    if (error instanceof SyntaxError) throw malformed('it is not JSON')
    throw error
  }
}

/** Before anything recurses. Brackets in texts do not count. */
function checkDepth(document: string): void {
  let depth = 0
  let isText = false
  for (let position = 0; position < document.length; position += 1) {
    const character = document[position]
    if (character === '"') isText = !isText
    else if (isText && character === '\\') position += 1
    else if (isText) continue
    else if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') depth -= 1
    if (depth > depthMax) throw malformed('it is nested too deeply')
  }
}

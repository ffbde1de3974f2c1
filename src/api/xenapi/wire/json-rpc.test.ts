import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCrosspoolError } from '../../../model/errors.ts'
import { readJsonRpcCall, writeJsonRpcAnswer } from './json-rpc.ts'

const value = { kind: 'string', value: 'x' } as const
/** A field of this name is no parameter of anybody's, and does not survive being copied. */
const parameters = fc
  .array(fc.jsonValue({ maxDepth: 5 }))
  .filter((params) => !JSON.stringify(params).includes('__proto__'))

describe('calls by JSON-RPC', () => {
  it('are read with whatever parameters JSON can carry', () => {
    fc.assert(
      fc.property(parameters, fc.string(), (params, method) => {
        const sent = JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 })
        const call = readJsonRpcCall(sent)
        expect(call).toEqual({
          ...JSON.parse(`{"parameters":${JSON.stringify(params)}}`),
          method,
          id: 1,
          version: '2.0',
        })
      }),
    )
  })

  it('are answered in the version that they came in', () => {
    const one = readJsonRpcCall('{"method":"x","params":[],"id":"7"}')
    const two = readJsonRpcCall('{"jsonrpc":"2.0","method":"x","params":[],"id":7}')
    expect([one.version, two.version]).toEqual(['1.0', '2.0'])
    const answers = [one, two].flatMap((call) => [
      writeJsonRpcAnswer(call, { value }),
      writeJsonRpcAnswer(call, { failure: ['HANDLE_INVALID', 'VM', 'OpaqueRef:1'] }),
    ])
    expect(answers.map((answer) => JSON.parse(answer))).toEqual([
      { result: 'x', error: null, id: '7' },
      { result: null, error: ['HANDLE_INVALID', 'VM', 'OpaqueRef:1'], id: '7' },
      { jsonrpc: '2.0', result: 'x', id: 7 },
      {
        jsonrpc: '2.0',
        error: { code: 1, message: 'HANDLE_INVALID', data: ['VM', 'OpaqueRef:1'] },
        id: 7,
      },
    ])
  })

  const hostile: Readonly<Record<string, string>> = {
    nothing: '',
    'no JSON': '<methodCall/>',
    'a batch': '[{"method":"x","params":[],"id":1}]',
    'a notification': '{"jsonrpc":"2.0","method":"x","params":[]}',
    'a notification of version 1.0': '{"method":"x","params":[],"id":null}',
    'another version': '{"jsonrpc":"3.0","method":"x","params":[],"id":1}',
    'parameters by name': '{"jsonrpc":"2.0","method":"x","params":{"a":1},"id":1}',
    'a method that is no text': '{"method":{},"params":[],"id":1}',
    'depth without end': `{"method":"x","id":1,"params":${'['.repeat(500_000)}`,
    'depth that ends': `{"method":"x","id":1,"params":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    'quotes without end': `"${'\\"'.repeat(500_000)}`,
  }

  it.each(Object.entries(hostile))('%s is refused, and soon', (_name, document) => {
    const startMs = performance.now()
    expect(() => readJsonRpcCall(document)).toThrow(
      expect.toSatisfy((error: unknown) => isCrosspoolError(error, 'BAD_REQUEST')),
    )
    // What grows with the square of its input takes minutes.
    expect(performance.now() - startMs).toBeLessThan(15_000)
  })

  it('brackets in texts are no depth', () => {
    const params = ['[{"'.repeat(1_000)]
    expect(readJsonRpcCall(JSON.stringify({ method: 'x', params, id: 1 })).parameters).toEqual(
      params,
    )
  })
})

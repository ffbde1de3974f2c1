import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCrosspoolError } from '../../../model/errors.ts'
import { toJson } from './json-rpc.ts'
import type { Plain, WireValue } from './plain.ts'
import { readXml } from './xml-reader.ts'
import { readValue, readXmlRpcCall, writeXmlRpcAnswer, writeXmlRpcValue } from './xml-rpc.ts'

/** Texts that XML can carry: no control characters, no half of a pair. */
function isCarried(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return ['\t', '\n', '\r'].includes(character)
  return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff
}

const text = fc.string({ unit: 'binary' }).map((value) => [...value].filter(isCarried).join(''))

const { wire } = fc.letrec<{ wire: WireValue }>((tie) => ({
  wire: fc.oneof(
    { depthSize: 'small' },
    fc.record({ kind: fc.constant('string' as const), value: text }),
    fc.record({ kind: fc.constant('int32' as const), value: fc.integer() }),
    fc.record({ kind: fc.constant('float' as const), value: fc.integer().map((n) => n / 128) }),
    fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
    fc.record({
      kind: fc.constant('datetime' as const),
      value: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000),
    }),
    fc.record({ kind: fc.constant('array' as const), items: fc.array(tie('wire')) }),
    fc.record({
      kind: fc.constant('struct' as const),
      members: fc.uniqueArray(fc.tuple(text, tie('wire')), { selector: ([name]) => name }),
    }),
  ),
}))

describe('values as XML-RPC', () => {
  it('come back as JSON would have carried them', () => {
    fc.assert(
      fc.property(wire, (value) => {
        const read = readValue(readXml(writeXmlRpcValue(value)))
        expect(read).toEqual(toJson(value))
      }),
      { numRuns: 500 },
    )
  })

  it('carry a 64-bit integer as a text without a type', () => {
    const sizeBytes = 8_796_093_022_208
    expect(writeXmlRpcValue({ kind: 'int', value: sizeBytes })).toBe(`<value>${sizeBytes}</value>`)
  })

  it('keep blanks and line ends of texts, and write no carriage return as it is', () => {
    const value = '  a\r\n b \t'
    const written = writeXmlRpcValue({ kind: 'string', value })
    expect(written).not.toContain('\r')
    expect(readValue(readXml(written))).toBe(value)
  })

  it('write numbers without an exponent', () => {
    for (const value of [1e-7, 1e21, 0.1, -2.5e-10]) {
      const written = writeXmlRpcValue({ kind: 'float', value })
      expect(written).not.toContain('e-')
      expect(written).not.toContain('e+')
      expect(readValue(readXml(written))).toBeCloseTo(value, 12)
    }
  })
})

describe('calls by XML-RPC', () => {
  it('are read as Python writes them, with a line end after every element', () => {
    const call = readXmlRpcCall(`<?xml version='1.0'?>
<methodCall>
<methodName>event.from</methodName>
<params>
<param>
<value><string>OpaqueRef:1</string></value>
</param>
<param>
<value><array><data>
<value><string>vm</string></value>
<value>task</value>
</data></array></value>
</param>
<param>
<value><double>60.1</double></value>
</param>
<param>
<value><struct>
<member>
<name>a</name>
<value><boolean>1</boolean></value>
</member>
<member><name>b</name><value><nil/></value></member>
</struct></value>
</param>
</params>
</methodCall>
`)
    const parameters: Plain[] = ['OpaqueRef:1', ['vm', 'task'], 60.1, { a: true, b: null }]
    expect(call).toEqual({ method: 'event.from', parameters })
  })

  it('are answered with a status, or bare', () => {
    const outcome = { value: { kind: 'string', value: 'x' } } as const
    expect(writeXmlRpcAnswer(outcome)).toContain('<name>Status</name><value>Success</value>')
    expect(writeXmlRpcAnswer(outcome, true)).toContain('<param><value>x</value></param>')
    expect(writeXmlRpcAnswer({ failure: ['SESSION_INVALID', '<&>'] })).toContain(
      '<value>SESSION_INVALID</value><value>&lt;&amp;&gt;</value>',
    )
  })
})

const value = (inner: string) =>
  `<methodCall><methodName>x</methodName><params><param><value>${inner}</value></param></params></methodCall>`

describe('hostile XML', () => {
  const hostile: Readonly<Record<string, string>> = {
    nothing: '',
    'no XML': 'hello',
    JSON: '{"method": "x"}',
    'a document type': `<!DOCTYPE x [<!ENTITY a "b">]>${value('x')}`,
    'entities that expand': `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${value('&b;')}`,
    'a file of the host': `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${value('&f;')}`,
    'an entity of nobody': value('&passwd;'),
    'a bare ampersand': value('a & b'),
    'a reference to half a pair': value('&#xd800;'),
    'a reference to nothing': value('&#0;'),
    'a reference too large': value('&#x110000;'),
    'a control character': value('\u0001'),
    'a processing instruction': value('<?php system("id") ?>'),
    'an attribute': value('<string type="x">a</string>'),
    'an element that is not closed': value('<string>'),
    'elements that cross': value('<array><data></array></data>'),
    'a comment without an end': value('<!-- '),
    'a CDATA without an end': value('<![CDATA[ '),
    'two roots': `${value('a')}${value('b')}`,
    'text after the root': `${value('a')}b`,
    'two types': value('<int>1</int><int>2</int>'),
    'no such type': value('<base64>AAAA</base64>'),
    'an integer that is none': value('<int>1e5</int>'),
    'a double that is none': value('<double>Infinity</double>'),
    'a boolean that is none': value('<boolean>2</boolean>'),
    'a member without a name': value('<struct><member><value>1</value></member></struct>'),
    'no method': '<methodCall><params/></methodCall>',
    'another root': '<methodResponse/>',
    'depth without end': value('<array><data><value>'.repeat(20_000)),
    'too many elements': value(`<array><data>${'<value/>'.repeat(100_001)}</data></array>`),
    'a tag without an end': `<${'a'.repeat(1_000_000)}`,
    'blanks in a tag': `<methodCall${' '.repeat(1_000_000)}`,
  }

  it.each(Object.entries(hostile))('%s is refused, and soon', (_name, document) => {
    const startMs = performance.now()
    expect(() => readXmlRpcCall(document)).toThrow(
      expect.toSatisfy((error: unknown) => isCrosspoolError(error, 'BAD_REQUEST')),
    )
    // What grows with the square of its input takes minutes.
    expect(performance.now() - startMs).toBeLessThan(15_000)
  })

  it('a large text is no trouble', () => {
    const large = 'x&amp;'.repeat(180_000)
    expect(readXmlRpcCall(value(large)).parameters).toEqual(['x&'.repeat(180_000)])
    const comment = `<!--${'-'.repeat(1_000_000)}-->`
    expect(readXmlRpcCall(value(`a${comment}b`)).parameters).toEqual(['ab'])
  })

  it('a member called __proto__ is only a member', () => {
    const call = readXmlRpcCall(
      value('<struct><member><name>__proto__</name><value>x</value></member></struct>'),
    )
    expect(Object.keys(Object(call.parameters[0]))).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(call.parameters[0])).toBe(Object.prototype)
  })

  it('whatever is cut off or changed is refused or read, and never throws anything else', () => {
    const whole = value(
      '<struct><member><name>a</name><value>&lt;<![CDATA[b]]></value></member></struct>',
    )
    fc.assert(
      fc.property(fc.nat(whole.length), fc.string({ maxLength: 3 }), (at, other) => {
        try {
          readXmlRpcCall(whole.slice(0, at) + other + whole.slice(at + other.length))
        } catch (error) {
          if (!isCrosspoolError(error, 'BAD_REQUEST')) throw error
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

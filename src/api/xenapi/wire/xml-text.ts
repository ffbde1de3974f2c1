import { malformed } from './malformed.ts'

const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
}

/** Characters that no XML document may hold, not even as a reference. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are meant
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const loneSurrogate = /\p{Surrogate}/u
const reference = /&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));|&/g

export function escapeXml(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      // A reader makes a line feed of every carriage return that is not written as a reference.
      .replaceAll('\r', '&#13;')
      .replace(new RegExp(forbidden, 'g'), '\ufffd')
      .replace(new RegExp(loneSurrogate, 'gu'), '\ufffd')
  )
}

/** Only the five entities of XML itself and character references; there is nothing that could expand. */
export function unescapeXml(text: string): string {
  const plain = text.replaceAll(/\r\n?/g, '\n')
  return plain.replace(reference, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined && Object.hasOwn(entities, name)) return entities[name] ?? whole
    if (hex !== undefined) return character(Number.parseInt(hex, 16))
    if (decimal !== undefined) return character(Number.parseInt(decimal, 10))
    throw malformed('it has an entity that XML does not define')
  })
}

function character(code: number): string {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    throw malformed('it refers to a character that there is not')
  return checkCharacters(String.fromCodePoint(code))
}

export function checkCharacters(text: string): string {
  if (forbidden.test(text)) throw malformed('it has characters that XML forbids')
  return text
}

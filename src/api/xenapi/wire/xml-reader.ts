import { malformed } from './malformed.ts'
import { checkCharacters, unescapeXml } from './xml-text.ts'

export interface XmlElement {
  readonly name: string
  readonly children: readonly XmlElement[]
  /** All text directly in it. */
  readonly text: string
}

interface Limits {
  readonly depth: number
  readonly elements: number
}

/** A record of ours is four deep; a body is limited in bytes before it comes here. */
const defaultLimits: Limits = { depth: 40, elements: 100_000 }

interface OpenElement {
  readonly name: string
  readonly children: XmlElement[]
  text: string
}

/**
 * Reads the XML that XML-RPC needs and no more: elements without attributes, text, CDATA, comments.
 * A document type, hence any entity of its own, a processing instruction or an attribute makes the
 * document invalid, so there is nothing that could expand, nest without end or fetch a file.
 */
export function readXml(document: string, limits: Limits = defaultLimits): XmlElement {
  const body = checkCharacters(document).replace(/^\ufeff?<\?xml\s[^<>]*\?>/, '')
  const root: OpenElement = { name: '', children: [], text: '' }
  const open: OpenElement[] = [root]
  let elements = 0
  for (const token of tokensOf(body)) {
    const current = open.at(-1) ?? root
    if (token.kind === 'text') current.text += token.text
    if (token.kind === 'opening' || token.kind === 'empty') {
      elements += 1
      if (elements > limits.elements) throw malformed('it has too many elements')
      const element: OpenElement = { name: token.text, children: [], text: '' }
      current.children.push(element)
      if (token.kind === 'opening') open.push(element)
      if (open.length > limits.depth) throw malformed('it is nested too deeply')
    }
    if (token.kind === 'closing') {
      if (open.length === 1 || current.name !== token.text)
        throw malformed(`</${token.text}> closes what is not open`)
      open.pop()
    }
  }
  const [only] = root.children
  if (open.length > 1) throw malformed(`<${open.at(-1)?.name}> is not closed`)
  if (!only || root.children.length > 1 || root.text.trim() !== '')
    throw malformed('it is not one XML element')
  return only
}

interface Token {
  readonly kind: 'text' | 'opening' | 'empty' | 'closing'
  readonly text: string
}

/** Looks at each character a fixed number of times, whatever the document is. */
function* tokensOf(body: string): Generator<Token> {
  const tag = /<(\/?)([A-Za-z0-9.]{1,40})\s{0,100}(\/?)>/y
  let position = 0
  const upTo = (start: number, end: string) => {
    const found = body.indexOf(end, start)
    if (found < 0) throw malformed('it ends too early')
    position = found + end.length
    return body.slice(start, found)
  }
  while (position < body.length) {
    if (body.startsWith('<!--', position)) {
      upTo(position + '<!--'.length, '-->')
    } else if (body.startsWith('<![CDATA[', position)) {
      const text = upTo(position + '<![CDATA['.length, ']]>')
      yield { kind: 'text', text: text.replaceAll(/\r\n?/g, '\n') }
    } else if (body[position] === '<') {
      tag.lastIndex = position
      const [whole, slash, name = '', end] = tag.exec(body) ?? ['']
      if (whole === '' || (slash !== '' && end !== ''))
        throw malformed('it is not the XML of XML-RPC')
      yield { kind: slash ? 'closing' : end ? 'empty' : 'opening', text: name }
      position += whole.length
    } else {
      const next = body.indexOf('<', position)
      const end = next < 0 ? body.length : next
      yield { kind: 'text', text: unescapeXml(body.slice(position, end)) }
      position = end
    }
  }
}

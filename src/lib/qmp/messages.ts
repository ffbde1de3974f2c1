/** What a QEMU program says on its monitor: https://www.qemu.org/docs/master/interop/qmp-spec.html */
export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: string }
  | { readonly kind: 'return'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly reason: string }
  | { readonly kind: 'event'; readonly event: QmpEvent }

export interface QmpEvent {
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

type Fields = Record<string, unknown>

/** One line of the monitor; null for one that says nothing to us. @throws SyntaxError for a line that is no JSON */
export function parseQmpMessage(line: string): QmpMessage | null {
  const message: unknown = JSON.parse(line)
  if (!isObject(message)) return null
  if (isObject(message.QMP)) return { kind: 'greeting', version: versionOf(message.QMP) }
  if (typeof message.event === 'string') {
    const data = isObject(message.data) ? message.data : {}
    return { kind: 'event', event: { name: message.event, data } }
  }
  const id = typeof message.id === 'number' ? message.id : -1
  if (isObject(message.error)) return { kind: 'error', id, reason: reasonOf(message.error) }
  return 'return' in message ? { kind: 'return', id, value: message.return } : null
}

/** Far above any answer of QEMU's. */
const lineCharactersMax = 16 * 1024 * 1024

/** Cuts a stream into lines; what is not a whole line yet waits. @throws SyntaxError for a line without end */
export function createLineSplitter(onLine: (line: string) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > lineCharactersMax) throw new SyntaxError('a line has no end')
    for (const line of lines) if (line.trim() !== '') onLine(line)
  }
}

function versionOf(greeting: Fields): string {
  const version = isObject(greeting.version) ? greeting.version : {}
  const { major, minor, micro } = isObject(version.qemu) ? version.qemu : {}
  return [major, minor, micro].map((part) => (typeof part === 'number' ? part : 0)).join('.')
}

function reasonOf({ desc, class: kind }: Fields): string {
  return [desc, kind].find((text) => typeof text === 'string') ?? 'it gave no reason'
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

/** One line of `drbdsetup events2 --statistics`. */
export type DrbdEvent =
  | { readonly verb: 'exists' | 'create' | 'change'; readonly subject: DrbdSubject }
  | { readonly verb: 'destroy'; readonly subject: DrbdSubject }
  /** The present state has been told; what follows is news. */
  | { readonly verb: 'complete' }

export type DrbdSubject = {
  readonly kind: 'resource' | 'device' | 'connection' | 'peer-device'
  readonly resource: string
  readonly values: ReadonlyMap<string, string>
}

/** Null for a line that tells nothing we use: other kinds (path, helper) and other verbs (call, response, rename). */
export function parseEvent(line: string): DrbdEvent | null {
  // Only there when somebody asked for it with --timestamps.
  const words = line
    .trim()
    .replace(/^\d{4}-\d\d-\d\dT\S+ /, '')
    .split(/\s+/)
  const [verb, kind, ...fields] = words
  if (verb === 'exists' && kind === '-') return { verb: 'complete' }
  if (verb !== 'exists' && verb !== 'create' && verb !== 'change' && verb !== 'destroy') return null
  if (!isKind(kind)) return null
  const values = new Map(fields.map(splitField))
  const resource = values.get('name')
  return resource === undefined ? null : { verb, subject: { kind, resource, values } }
}

function isKind(kind: string | undefined): kind is DrbdSubject['kind'] {
  return kind === 'resource' || kind === 'device' || kind === 'connection' || kind === 'peer-device'
}

/** Values may contain colons (addresses), keys do not. */
function splitField(field: string): [string, string] {
  const colon = field.indexOf(':')
  return colon < 0 ? [field, ''] : [field.slice(0, colon), field.slice(colon + 1)]
}

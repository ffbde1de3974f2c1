/** What comes over the wire, of either format, before anybody has said what it should be. */
export type Plain =
  | string
  | number
  | boolean
  | null
  | readonly Plain[]
  | { readonly [name: string]: Plain }

/** A value of the XenAPI on its way out: what is an integer to one format may be a text to the other. */
export type WireValue =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'int' | 'int32' | 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  /** Milliseconds since 1970. */
  | { readonly kind: 'datetime'; readonly value: number }
  | { readonly kind: 'array'; readonly items: readonly WireValue[] }
  | { readonly kind: 'struct'; readonly members: readonly (readonly [string, WireValue])[] }

export interface Call {
  readonly method: string
  readonly parameters: readonly Plain[]
}

/** `failure`: the XenAPI's code, then its parameters. */
export type Outcome =
  | { readonly value: WireValue }
  | { readonly failure: readonly [string, ...string[]] }

/** The form in which XenAPI clients read times; whole seconds, always UTC. */
export function formatDateTime(atMs: number): string {
  const iso = new Date(atMs).toISOString()
  return `${iso.slice(0, 19).replaceAll('-', '')}Z`
}

import type { Route } from '../contract/route.ts'
import { receiverTokenHeader, versionPath } from '../contract/shared.ts'

/** What a caller gives, whatever the route. */
export interface RequestParts {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: unknown
  readonly body?: unknown
  readonly token?: string
}

export interface RequestToSend {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
}

/** `root` is the daemon's, without a slash at its end. */
export function requestOf(
  route: Route,
  call: RequestParts,
  root: string,
): { readonly url: string; readonly request: RequestToSend } {
  const hasBody = route.body !== undefined && call.body !== undefined
  return {
    url: root + versionPath + fillPath(route.path, call.params ?? {}) + queryString(call.query),
    request: {
      method: route.method,
      headers: {
        accept: route.events ? 'text/event-stream' : 'application/json',
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...(call.token === undefined ? {} : { [receiverTokenHeader]: call.token }),
      },
      ...(hasBody ? { body: JSON.stringify(call.body) } : {}),
    },
  }
}

/** Puts the parameters into their places, encoded. */
export function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined || value === '')
      throw new Error(`parameter ${name} of ${path} is missing`)
    return encodeURIComponent(value)
  })
}

function queryString(query: unknown): string {
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(key, String(value))
  }
  return parameters.size === 0 ? '' : `?${parameters}`
}

const scheme = 'http+unix://'

/** A Unix socket as the root URL of a daemon. */
export function socketUrl(path: string): string {
  return scheme + encodeURIComponent(path)
}

/** Null: it is a URL of another kind. */
export function readSocketUrl(
  url: string,
): { readonly socketPath: string; readonly path: string } | null {
  if (!url.startsWith(scheme)) return null
  const rest = url.slice(scheme.length)
  const at = rest.indexOf('/')
  const [socket, path] = at === -1 ? [rest, '/'] : [rest.slice(0, at), rest.slice(at)]
  return { socketPath: decodeURIComponent(socket), path }
}

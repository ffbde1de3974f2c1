const listening = '0A'

/** Reads /proc/net/tcp and /proc/net/tcp6: local ports of all sockets, in whatever state. */
export function parseLocalPorts(text: string): ReadonlySet<number> {
  return new Set(socketsIn(text).map(({ port }) => port))
}

/** The same, of those that wait for connections. */
export function parseListeningPorts(text: string): ReadonlySet<number> {
  const found = socketsIn(text).filter(({ state }) => state === listening)
  return new Set(found.map(({ port }) => port))
}

function socketsIn(text: string): readonly { readonly port: number; readonly state: string }[] {
  return text.split('\n').flatMap((line) => {
    const [, port, state] =
      /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? []
    if (port === undefined || state === undefined) return []
    return [{ port: Number.parseInt(port, 16), state }]
  })
}

import { CrosspoolError } from '../../model/errors.ts'
import type { Fetch } from './http.ts'
import { createNodeFetch } from './node-fetch.ts'
import { PinnedConnector } from './pinned-connector.ts'
import { socketUrl } from './socket-url.ts'

export interface DaemonAddress {
  readonly url: string
  readonly fetch: Fetch
}

/**
 * How to talk to the daemon at `text`: the path of its Unix socket, or `https://HOST:PORT#sha256//...` with the
 * fingerprint that it must have, for which a token is needed. @throws BAD_REQUEST
 */
export function readDaemonAddress(
  text: string,
  token?: () => Promise<string | null>,
): DaemonAddress {
  if (text.startsWith('/')) return { url: socketUrl(text), fetch: createNodeFetch() }
  const [, url, fingerprint] = /^(https:\/\/[^\s#]+)#(sha256\/\/[\w+/]{43}=)$/.exec(text) ?? []
  if (!url || !fingerprint || !URL.canParse(url)) {
    const reason = `'${text}' is neither the path of a socket nor https://HOST:PORT#FINGERPRINT`
    throw new CrosspoolError('BAD_REQUEST', { reason })
  }
  const connector = new PinnedConnector({ fingerprintAt: async () => fingerprint })
  return { url, fetch: createNodeFetch({ connector, ...(token ? { token } : {}) }) }
}

import { CrosspoolError } from './errors.ts'

/**
 * A replication URI is all that a source's storage manager needs to start the mirror:
 * `PROVIDER://HOST:PORT/REPLICATION?size=BYTES&pin=FINGERPRINT&secret=HEX`. HOST:PORT is the target's storage
 * manager, which has the key of that fingerprint, and where the two exchange what the provider needs. Opaque to everybody in between.
 */
export interface ReplicationUri {
  readonly provider: string
  /** Root of the target storage manager's API, e.g. https://10.0.0.2:7310 */
  readonly url: string
  readonly fingerprint: string
  readonly replication: string
  readonly sizeBytes: number
  readonly secret: string
}

export function formatReplicationUri(uri: ReplicationUri): string {
  const { host } = new URL(uri.url)
  const pin = uri.fingerprint.replace('sha256//', '')
  return `${uri.provider}://${host}/${uri.replication}?size=${uri.sizeBytes}&pin=${pin}&secret=${uri.secret}`
}

/** @throws URI_INVALID */
export function parseReplicationUri(text: string): ReplicationUri {
  const match =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#\s]+)\/([0-9a-z-]+)\?size=([1-9][0-9]{0,15})&pin=([A-Za-z0-9+/]{43}=)&secret=([0-9a-f]{32,})$/.exec(
      text,
    )
  if (!match)
    throw invalid(
      'it does not have the form PROVIDER://HOST:PORT/ID?size=BYTES&pin=FINGERPRINT&secret=HEX',
    )
  const [, provider, authority, replication, size, pin, secret] = match
  const url = `https://${authority}`
  if (!URL.canParse(url)) throw invalid('the address is not valid')
  const fingerprint = `sha256//${pin}`
  return {
    ...{ provider, url, fingerprint, replication, secret },
    sizeBytes: Number(size),
  } as ReplicationUri
}

function invalid(reason: string): CrosspoolError {
  return new CrosspoolError('URI_INVALID', { reason })
}

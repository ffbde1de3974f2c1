import { CrosspoolError } from './errors.ts'

/**
 * A replication URI is all that a source's storage manager needs to start the mirror:
 * `PROVIDER://HOST:PORT/REPLICATION?size=BYTES&secret=HEX`. HOST:PORT is the target's storage
 * manager, where the two exchange what the provider needs. Opaque to everybody in between.
 */
export interface ReplicationUri {
  readonly provider: string
  /** Root of the target storage manager's API, e.g. http://10.0.0.2:7310 */
  readonly url: string
  readonly replication: string
  readonly sizeBytes: number
  readonly secret: string
}

export function formatReplicationUri(uri: ReplicationUri): string {
  const { host } = new URL(uri.url)
  return `${uri.provider}://${host}/${uri.replication}?size=${uri.sizeBytes}&secret=${uri.secret}`
}

/** @throws URI_INVALID */
export function parseReplicationUri(text: string): ReplicationUri {
  const match =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#\s]+)\/([0-9a-z-]+)\?size=([1-9][0-9]{0,15})&secret=([0-9a-f]{32,})$/.exec(
      text,
    )
  if (!match)
    throw invalid('it does not have the form PROVIDER://HOST:PORT/ID?size=BYTES&secret=HEX')
  const [, provider, authority, replication, size, secret] = match as unknown as string[6][]
  const url = `http://${authority}`
  if (!URL.canParse(url)) throw invalid('the address is not valid')
  return { provider, url, replication, sizeBytes: Number(size), secret } as ReplicationUri
}

function invalid(reason: string): CrosspoolError {
  return new CrosspoolError('URI_INVALID', { reason })
}

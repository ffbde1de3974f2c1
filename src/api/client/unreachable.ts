import { CrosspoolError } from '../../model/errors.ts'
import { readSocketUrl } from './socket-url.ts'

/** What the operating system's codes mean to a person. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOENT: 'there is no such socket; does the daemon run?',
  EACCES: 'this user may not open the socket',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to this network',
  ETIMEDOUT: 'the connection could not be opened in time',
}

/** PEER_UNREACHABLE with what is known of why. */
export function unreachable(url: string, error: unknown): CrosspoolError {
  const code = codeOf(error)
  const known = code === null ? undefined : reasons[code]
  const text = error instanceof Error ? error.message : String(error)
  const reason = known === undefined ? text : `${known} (${code})`
  return new CrosspoolError('PEER_UNREACHABLE', { url: shown(url), reason }, error)
}

export function unanswered(url: string, timeoutMs: number): CrosspoolError {
  const reason = `no answer within ${timeoutMs} ms`
  return new CrosspoolError('PEER_UNREACHABLE', { url: shown(url), reason })
}

/** A socket is shown as its path. */
function shown(url: string): string {
  return readSocketUrl(url)?.socketPath ?? url
}

/** Looks through the causes: `fetch` puts the system's error there. */
function codeOf(error: unknown): string | null {
  for (let next = error, depth = 0; next instanceof Error && depth < 5; depth += 1) {
    if ('code' in next && typeof next.code === 'string') return next.code
    next = next.cause
  }
  return null
}

import { CrosspoolError } from '../../model/errors.ts'

/** What the operating system's codes mean to a person. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
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
  return new CrosspoolError('PEER_UNREACHABLE', { url, reason }, error)
}

export function unanswered(url: string, timeoutMs: number): CrosspoolError {
  return new CrosspoolError('PEER_UNREACHABLE', { url, reason: `no answer within ${timeoutMs} ms` })
}

/** Looks through the causes: `fetch` puts the system's error there. */
function codeOf(error: unknown): string | null {
  for (let next = error, depth = 0; next instanceof Error && depth < 5; depth += 1) {
    if ('code' in next && typeof next.code === 'string') return next.code
    next = next.cause
  }
  return null
}

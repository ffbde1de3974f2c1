import type { Signal } from '@preact/signals'
import { z } from 'zod'
import type { Fetch } from '../api/client/http.ts'
import { versionPath } from '../api/contract/shared.ts'

const sessionSchema = z.object({ name: z.string().optional(), role: z.string() })
export type Session = z.infer<typeof sessionSchema>

/** What is not offered to whom it would be refused. Where nobody is asked who he is, everybody may. */
export function mayOperate(session: Session | null): boolean {
  return session?.role !== 'viewer'
}

/** Sends the token with every request, and tells when the daemon wants one or another one. */
export function withToken(
  fetch: Fetch,
  token: Signal<string | null>,
  onUnauthorized: () => void,
): Fetch {
  return async (url, request) => {
    const sent = token.value
    const headers = sent === null ? {} : { authorization: `Bearer ${sent}` }
    const response = await fetch(url, { ...request, headers: { ...headers, ...request.headers } })
    if (response.status === 401 && token.value === sent) onUnauthorized()
    return response
  }
}

/** Who one is; null where the daemon does not tell, since it asks nobody. */
export async function readSession(root: string, fetch: Fetch): Promise<Session | null> {
  const response = await fetch(`${root}${versionPath}/session`, {
    method: 'GET',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(10_000),
  })
  if (response.status !== 200) return null
  const parsed = sessionSchema.safeParse(JSON.parse(await response.text()))
  return parsed.success ? parsed.data : null
}

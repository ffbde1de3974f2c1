/** A XenAPI failure as it came over the wire. */
export class WireFailure extends Error {
  readonly code: string
  readonly parameters: readonly string[]

  constructor(code: string, parameters: readonly string[]) {
    super([code, ...parameters].join(' '))
    this.code = code
    this.parameters = parameters
  }
}

/** One call by JSON-RPC 2.0, and nothing in between. */
// biome-ignore lint/suspicious/noExplicitAny: what a call answers only the test that makes it knows
export async function callXenApi(url: string, method: string, ...params: unknown[]): Promise<any> {
  const response = await fetch(`${url}/jsonrpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }),
  })
  const { result, error } = JSON.parse(await response.text())
  if (error) throw new WireFailure(error.message, error.data)
  return result
}

/** Calls with a session of their own. */
export async function openSession({
  url,
  token,
}: {
  readonly url: string
  readonly token: string
}) {
  const session: string = await callXenApi(url, 'session.login_with_password', 'root', token)
  const call = (method: string, ...params: unknown[]) => callXenApi(url, method, session, ...params)
  return { session, call }
}

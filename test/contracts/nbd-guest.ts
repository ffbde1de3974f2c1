import { setTimeout } from 'node:timers/promises'
import { connectNbd, type NbdClient, NbdError } from '../../src/drivers/datapath-user/nbd-client.ts'

/** What a hypervisor does with an NBD device: it connects again for a while before it gives up. */
const reconnectMs = 3_000
const retryMs = 25

/** The socket and the export of `nbd+unix:///EXPORT?socket=PATH`. */
export function parseNbdUri(uri: string): { readonly socket: string; readonly name: string } {
  const url = new URL(uri)
  const socket = url.searchParams.get('socket')
  if (url.protocol !== 'nbd+unix:' || socket === null) throw new Error(`${uri} is no NBD URI`)
  return { socket, name: url.pathname.slice(1) }
}

export async function openNbd(uri: string): Promise<NbdClient> {
  const { socket, name } = parseNbdUri(uri)
  return await connectNbd(socket, name)
}

/** One act on the device; a connection that goes is made anew, an error that is answered is final. */
export async function withNbd<Result>(
  uri: string,
  act: (client: NbdClient) => Promise<Result>,
  patienceMs = reconnectMs,
): Promise<Result> {
  let awaySinceMs = performance.now()
  for (;;) {
    let client: NbdClient | null = null
    try {
      client = await openNbd(uri)
      return await act(client)
    } catch (error) {
      const isAnswered = error instanceof NbdError && error.errorNumber !== null
      if (client) awaySinceMs = performance.now()
      if (isAnswered || performance.now() > awaySinceMs + patienceMs) throw error
      await setTimeout(retryMs)
    } finally {
      client?.close()
    }
  }
}

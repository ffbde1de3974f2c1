import type { Handlers, Requester } from '../../api/contract/route.ts'
import {
  memoryPath,
  memoryProtocols,
  type toolstackRoutes,
} from '../../api/contract/toolstack-routes.ts'
import type { ApiServer } from '../../api/server/create-server.ts'
import { decoded } from '../../engine/migration/memory-encoding.ts'
import { expectSource } from '../../engine/migration/receiver-record.ts'
import type { Receivers } from '../../engine/migration/receivers.ts'
import { memoryEncodings } from '../../model/receiver.ts'
import type { RecordStore } from '../../ports/record-store.ts'

type ReceiverRoutes = Pick<
  typeof toolstackRoutes,
  'receivePreflight' | 'receive' | 'listReceivers' | 'getReceiver' | ReceiverAct
>
type ReceiverAct = 'heartbeat' | 'take' | 'start' | 'close' | 'getDiskWrites' | 'abort'

/** The destination's half of a migration. A receiver is for the host that asked for it. */
export function receiverHandlers(
  receivers: Receivers,
  store: RecordStore,
): Handlers<ReceiverRoutes> {
  const checked = async ({ params, requester }: Asked): Promise<string> => {
    await expectSource(store, params.receiver, peerOf(requester))
    return params.receiver
  }
  return {
    receivePreflight: ({ body }) => receivers.preflight(body),
    receive: ({ body, requester }) => receivers.receive(body, peerOf(requester)),
    listReceivers: () => receivers.list(),
    getReceiver: async (asked) => receivers.get(await checked(asked), asked.token),
    heartbeat: async (asked) => receivers.heartbeat(await checked(asked), asked.token, asked.body),
    take: async (asked) => receivers.take(await checked(asked), asked.token, asked.body),
    start: async (asked) => receivers.start(await checked(asked), asked.token),
    close: async (asked) =>
      receivers.close(await checked(asked), asked.token, asked.body?.keep ?? null),
    getDiskWrites: async (asked) => receivers.diskWrites(await checked(asked), asked.token),
    abort: async (asked) => receivers.abort(await checked(asked), asked.token, asked.body.reason),
  }
}

/** Takes the memory of arriving VMs, in every way that a source may send it. */
export function takeMemory(
  server: Pick<ApiServer, 'onUpgrade'>,
  receivers: Receivers,
  store: RecordStore,
): void {
  for (const encoding of memoryEncodings) {
    const protocol = memoryProtocols[encoding]
    server.onUpgrade(memoryPath, protocol, async ({ receiver }, token, requester) => {
      await expectSource(store, receiver, peerOf(requester))
      const accept = await receivers.openMemory(receiver, token)
      return (link) => accept(decoded(link, encoding))
    })
  }
}

interface Asked {
  readonly params: { readonly receiver: string }
  readonly requester: Requester
}

/** Null: an administrator does it by hand. */
export function peerOf({ caller }: Requester): string | null {
  return caller?.kind === 'peer' ? caller.id : null
}

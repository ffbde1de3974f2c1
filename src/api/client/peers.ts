import type { Identity } from '../../lib/identity.ts'
import type { StoragePeers, ToolstackPeers, TrustPeers } from '../../ports/peers.ts'
import { versionPath } from '../contract/shared.ts'
import { storageRoutes } from '../contract/storage-routes.ts'
import { memoryPath, memoryProtocols, toolstackRoutes } from '../contract/toolstack-routes.ts'
import { createApiClient } from './api-client.ts'
import { createNodeFetch } from './node-fetch.ts'
import { openUpgrade } from './open-upgrade.ts'
import { PinnedConnector, untrusted } from './pinned-connector.ts'
import { fillPath } from './request-parts.ts'

export interface PeerOptions {
  /** Deadline of every call; 30 s unless told. */
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 30_000

/** Storage managers of other hosts, reached by the address in a replication URI, which says what key they have. */
export function createStoragePeers(identity: Identity, options: PeerOptions = {}): StoragePeers {
  const { timeoutMs = defaultTimeoutMs } = options
  return {
    join({ url, fingerprint }, replication, body) {
      const fetch = fetchOf(fingerprint, identity)
      const client = createApiClient(storageRoutes, url, { timeoutMs, fetch })
      return client.join({ params: { replication }, body })
    },
  }
}

/** The xapi of an invitation. */
export function createTrustPeers(identity: Identity): TrustPeers {
  return {
    introduce(url, fingerprint, body) {
      const fetch = fetchOf(fingerprint, identity)
      return createApiClient(toolstackRoutes, url, { fetch }).introducePeer({ body })
    },
  }
}

function fetchOf(fingerprint: string, identity: Identity) {
  const connector = new PinnedConnector({ identity, fingerprintAt: async () => fingerprint })
  return createNodeFetch({ connector })
}

export interface ToolstackPeerOptions extends PeerOptions {
  /** Deadline of a heartbeat, and of what people wait for; 5 s unless told. */
  readonly heartbeatTimeoutMs?: number
}

/** Other hosts' xapis. All share one pool of connections, which stay open between the calls. */
export function createToolstackPeers(
  connector: PinnedConnector,
  options: ToolstackPeerOptions = {},
): ToolstackPeers {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  const shortOptions = { timeoutMs: options.heartbeatTimeoutMs ?? 5_000 }
  const fetch = createNodeFetch({ connector })
  return {
    connect(url) {
      if (!url.startsWith('https:')) throw untrusted(url, 'it does not speak TLS')
      const client = createApiClient(toolstackRoutes, url, { timeoutMs, fetch })
      const root = url.replace(/\/+$/, '') + versionPath
      return {
        host: () => client.getHost(),
        inventory: () => client.getInventory({}, shortOptions),
        claim: (vm) => client.getClaim({ params: { vm } }, shortOptions),
        replicaDropped: async (replica) =>
          void (await client.replicaDropped({ params: { replica } }, shortOptions)),
        preflight: (body) => client.receivePreflight({ body }),
        receive: (body) => client.receive({ body }),
        getReceiver: (receiver, token) => client.getReceiver({ params: { receiver }, token }),
        openMemory: (receiver, token, encoding = 'plain') =>
          openUpgrade(root + fillPath(memoryPath, { receiver }), {
            ...{ protocol: memoryProtocols[encoding], token, timeoutMs, connector },
          }),
        heartbeat: (receiver, token, body) =>
          client.heartbeat({ params: { receiver }, token, body }, shortOptions),
        take: (receiver, token, body) => client.take({ params: { receiver }, token, body }),
        start: (receiver, token) => client.start({ params: { receiver }, token }),
        close: (receiver, token, keep = null) =>
          client.close({ params: { receiver }, token, body: { keep } }),
        diskWrites: (receiver, token) =>
          client.getDiskWrites({ params: { receiver }, token }, shortOptions),
        abort: (receiver, token, reason) =>
          client.abort({ params: { receiver }, token, body: { reason } }),
      }
    },
  }
}

import type { trustRoutes } from '../../api/contract/access-routes.ts'
import type { Handlers } from '../../api/contract/route.ts'
import type { Trust } from '../../engine/access/trust.ts'
import type { KnownHosts } from '../../engine/vms/known-hosts.ts'

/** Hosts that trust each other know each other, too. */
export function trustHandlers(trust: Trust, hosts: KnownHosts): Handlers<typeof trustRoutes> {
  return {
    listPeers: () => trust.list(),
    invitePeer: () => trust.invite(),
    joinPeer: async ({ body }) => {
      const peer = await trust.join(body.line)
      await hosts.note(peer)
      return peer
    },
    introducePeer: async ({ body: { code, ...peer }, requester }) => {
      const own = await trust.admit(requester.fingerprint, code, peer)
      await hosts.note(peer)
      return own
    },
    revokePeer: async ({ params }) => {
      await trust.revoke(params.peer)
      return {}
    },
  }
}

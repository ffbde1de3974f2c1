import type { accessRoutes } from '../api/contract/access-routes.ts'
import type { Handlers } from '../api/contract/route.ts'
import type { Tokens } from '../engine/access/tokens.ts'
import { CrosspoolError } from '../model/errors.ts'
import type { AuditLog } from '../ports/audit-log.ts'

export interface AccessParts {
  readonly tokens: Tokens
  readonly auditLog: AuditLog
  readonly identity: { readonly fingerprint: string; readonly url: string }
}

/** What both daemons answer about who may ask, and who did. */
export function accessHandlers(parts: AccessParts): Handlers<typeof accessRoutes> {
  const { tokens, auditLog, identity } = parts
  return {
    getSession: async ({ requester: { caller } }) => {
      if (!caller) throw new CrosspoolError('UNAUTHENTICATED')
      return { kind: caller.kind, name: caller.name, role: caller.role }
    },
    getIdentity: async () => identity,
    createToken: ({ body: { expiresAtMs, ...wanted } }) =>
      tokens.create({ ...wanted, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) }),
    listTokens: () => tokens.list(),
    revokeToken: async ({ params }) => {
      await tokens.revoke(params.token)
      return {}
    },
    listAudit: async ({ query }) => [...(await auditLog.last(query.limit))],
  }
}

import type { ApiClient } from '../../api/client/api-client.ts'
import type { accessRoutes } from '../../api/contract/access-routes.ts'
import type { Role } from '../../model/access.ts'
import type { CliContext } from '../context.ts'
import { auditView, curlView, tokensView } from '../views/access-views.ts'

interface OfStorage {
  readonly storage?: boolean
}

/** Both daemons have tokens, an identity and an audit log of their own. */
async function daemon(
  context: CliContext,
  { storage }: OfStorage,
): Promise<ApiClient<typeof accessRoutes>> {
  return storage ? context.storage() : context.toolstack()
}

export async function listTokens(context: CliContext, options: OfStorage): Promise<void> {
  context.show(await (await daemon(context, options)).listTokens(), tokensView)
}

export async function createToken(
  context: CliContext,
  options: OfStorage & {
    readonly name: string
    readonly role: Role
    readonly expires?: number
    readonly curl?: boolean
  },
): Promise<void> {
  const client = await daemon(context, options)
  const { name, role, expires } = options
  const expiresAtMs = expires === undefined ? {} : { expiresAtMs: Date.now() + expires }
  const created = await client.createToken({ body: { name, role, ...expiresAtMs } })
  if (!options.curl) return context.show(created, ({ secret }) => secret)
  context.print(curlView(await client.getIdentity(), created.secret))
}

export async function revokeToken(
  context: CliContext,
  token: string,
  options: OfStorage,
): Promise<void> {
  const client = await daemon(context, options)
  context.show(await client.revokeToken({ params: { token } }), () => `Token ${token} is revoked.`)
}

export async function audit(
  context: CliContext,
  options: OfStorage & { readonly limit: number },
): Promise<void> {
  const client = await daemon(context, options)
  context.show(await client.listAudit({ query: { limit: options.limit } }), auditView)
}

export async function identity(context: CliContext, options: OfStorage): Promise<void> {
  const found = await (await daemon(context, options)).getIdentity()
  context.show(found, ({ url, fingerprint }) => `${url}#${fingerprint}`)
}

import { XenApiFace } from '../../api/xenapi/face.ts'
import type { ToolstackEnvironment } from '../../engine/environment.ts'
import { describeHost } from '../../engine/vms/describe-host.ts'
import type { Toolstack } from '../../engine/vms/toolstack.ts'
import type { OpenAccess } from '../open-access.ts'

/** The XenAPI over the same engine as the REST API. */
export function createXenApi(
  environment: ToolstackEnvironment,
  toolstack: Toolstack,
  { tokens, note }: Pick<OpenAccess, 'tokens' | 'note'>,
): XenApiFace {
  const backend = { toolstack, environment, note, describeHost: () => describeHost(environment) }
  return new XenApiFace(backend, (password) => tokens.callerOf(password))
}

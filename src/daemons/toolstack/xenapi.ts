import { XenApiFace } from '../../api/xenapi/face.ts'
import type { Authenticate } from '../../api/xenapi/sessions.ts'
import type { ToolstackEnvironment } from '../../engine/environment.ts'
import { describeHost } from '../../engine/vms/describe-host.ts'
import type { Toolstack } from '../../engine/vms/toolstack.ts'

/** The XenAPI over the same engine as the REST API. */
export function createXenApi(
  environment: ToolstackEnvironment,
  toolstack: Toolstack,
  authenticate?: Authenticate,
): XenApiFace {
  const backend = { toolstack, environment, describeHost: () => describeHost(environment) }
  return new XenApiFace(backend, authenticate)
}

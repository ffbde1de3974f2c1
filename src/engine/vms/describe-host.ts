import type { Host } from '../../model/host.ts'
import { memoryEncodings } from '../../model/receiver.ts'
import type { ToolstackEnvironment } from '../environment.ts'

/** This host as others see it. */
export async function describeHost(environment: ToolstackEnvironment): Promise<Host> {
  const { hypervisor, storage, clock, host, pool, url, apiVersion } = environment
  const [facts, networks, { replicationSchemes, encryptionObstacle, keepModes, deviceKind }] =
    await Promise.all([hypervisor.host(), hypervisor.networks(), storage.facts()])
  return {
    ...facts,
    ...{ name: host, pool, url, apiVersion },
    networks: [...networks],
    replicationSchemes: [...replicationSchemes],
    encryptionObstacle,
    keepModes: [...keepModes],
    memoryEncodings: [...memoryEncodings],
    deviceKind,
    reachable: true,
    clockMs: clock.now(),
  }
}

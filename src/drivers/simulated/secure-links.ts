import { CrosspoolError } from '../../model/errors.ts'
import type { SecureLinkEnd, SecureLinks } from '../../ports/secure-link.ts'
import { createFaults, type Faults } from './faults.ts'
import type { SecureLinkNetwork } from './secure-link-network.ts'

/** What the kernel and the files of one simulated host know; it outlives the driver. */
export interface SimulatedLinks {
  readonly network: SecureLinkNetwork
  readonly address: string
  readonly reserved: Map<string, SecureLinkEnd>
  /** Inner addresses of the links that are up, by name. */
  readonly established: Map<string, string>
}

export function createSimulatedLinks(network: SecureLinkNetwork, address: string): SimulatedLinks {
  return { network, address, reserved: new Map(), established: new Map() }
}

const firstPort = 7800

/** Links between simulated hosts. */
export function createSimulatedSecureLinks(
  host: SimulatedLinks,
  faults: Faults = createFaults(),
): SecureLinks {
  const { network, address, reserved, established } = host
  const act = <Result>(name: string, perform: () => Result) =>
    faults.around(`links.${name}`, perform)

  return {
    capabilities: { scheme: 'wireguard' },

    reserve: (name) =>
      act('reserve', () => {
        const used = new Set([...reserved.values()].map(({ port }) => port))
        let port = firstPort
        while (used.has(port)) port += 1
        const key = Buffer.alloc(32, `${address} ${port}`).toString('base64')
        const end = reserved.get(name) ?? { publicKey: key, port }
        reserved.set(name, end)
        return end
      }),

    establish: (link) =>
      act('establish', () => {
        const own = reserved.get(link.name)
        if (!own) throw new CrosspoolError('NOT_FOUND', { kind: 'link', id: link.name })
        network.put({ hostAddress: address, own, link })
        established.set(link.name, link.localAddress)
      }),

    close: (name) =>
      act('close', () => {
        const localAddress = established.get(name)
        if (localAddress !== undefined) network.remove(localAddress)
        established.delete(name)
        reserved.delete(name)
      }),

    list: async () => [...reserved.keys()].sort(),
  }
}

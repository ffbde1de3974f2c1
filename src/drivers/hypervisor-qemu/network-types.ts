import { CrosspoolError } from '../../model/errors.ts'
import type { VmInterface } from '../../model/vm.ts'
import { networkNamed } from './command-line.ts'
import type { QemuNetworks } from './qemu-context.ts'
import type { QemuDetails } from './qemu-vm.ts'

/**
 * How each interface is connected here; `before` is how it was where the VM comes from.
 * @throws NOT_SUPPORTED for a network that is not here, or that cannot take what the other one sends
 */
export function networkTypesOf(
  networks: QemuNetworks,
  interfaces: readonly VmInterface[],
  before: QemuDetails['networkTypes'],
): QemuDetails['networkTypes'] {
  const types = interfaces.map(({ slot, network: name }) => {
    const { type } = networkNamed(networks, name)
    if (before[slot] !== 'user' || type === 'user') return [slot, type] as const
    const reason = "QEMU's own NAT has state that only another NAT takes over"
    throw new CrosspoolError('NOT_SUPPORTED', { what: `Moving from a NAT to ${name}`, reason })
  })
  return Object.fromEntries(types)
}

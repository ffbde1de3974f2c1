import { CrosspoolError } from '../../model/errors.ts'
import type { VmState } from '../../model/vm.ts'
import type { Hypervisor } from '../../ports/hypervisor.ts'
import type { SimulatedContext } from './hypervisor-context.ts'
import type { SimulatedVm } from './hypervisor-world.ts'

type Power = Pick<Hypervisor, 'shutdown' | 'reboot' | 'pause' | 'unpause'>

/** The buttons of a simulated VM. Its guest follows at once; a guest that begins anew remembers nothing. */
export function powerOf(context: SimulatedContext): Power {
  const { world, host, sending } = context

  function find(id: string, operation: string, needed: readonly VmState[]): SimulatedVm {
    const vm = world.host(host).vms.get(id)
    if (vm === undefined) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id })
    if (sending.has(id)) throw new CrosspoolError('BUSY', { kind: 'vm', id, user: 'a migration' })
    if (needed.includes(vm.state)) return vm
    throw context.wrongState(id, vm.state, operation, needed.join(' or '))
  }

  return {
    async shutdown(id) {
      find(id, 'shutdown', ['running'])
      if (!world.takeFault(host, 'guest-ignores-button')) world.remove(host, id)
    },
    async reboot(id, how) {
      const vm = find(id, 'reboot', how === 'hard' ? ['running', 'paused'] : ['running'])
      if (how === 'clean' && world.takeFault(host, 'guest-ignores-button')) return
      vm.guestState = ''
      world.setState(host, id, 'running')
    },
    async pause(id) {
      find(id, 'pause', ['running', 'paused'])
      world.setState(host, id, 'paused')
    },
    async unpause(id) {
      find(id, 'unpause', ['running', 'paused'])
      world.setState(host, id, 'running')
    },
  }
}

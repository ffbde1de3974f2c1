import { CrosspoolError } from '../../model/errors.ts'
import type { VmConfiguration, VmFacts } from '../../model/vm.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Hypervisor } from '../../ports/hypervisor.ts'
import type { SimulatedContext } from './hypervisor-context.ts'
import { powerOf } from './hypervisor-power.ts'
import { receiveSimulatedVm } from './hypervisor-receive.ts'
import { sendSimulatedVm } from './hypervisor-send.ts'
import type { HypervisorWorld, SimulatedVm } from './hypervisor-world.ts'

export interface SimulatedHypervisorOptions {
  readonly clock: Clock
  readonly type?: string
  /** How this one pauses: false as Xen (all is across before `paused`), true as QEMU. */
  readonly sendsAfterHandover?: boolean
  /** What happens to a VM whose memory is across when the daemon dies: true, it waits as in QEMU; false, it goes as in Xen. */
  readonly keepsReceived?: boolean
  /** Time that each piece of memory takes; pieces are a tenth of the memory, 64 KiB at most. */
  readonly chunkMs?: number
  /** How long it waits for the other side to move. */
  readonly deadlineMs?: number
}

export interface SimulatedHypervisor extends Hypervisor {
  /** The daemon dies: half-built VMs go, paused ones stay paused, and handles are worthless. */
  crash(): void
}

/** A host of `world` as a hypervisor: VMs are records, memory is a number of bytes that go through the stream. */
export function createSimulatedHypervisor(
  world: HypervisorWorld,
  host: string,
  options: SimulatedHypervisorOptions,
): SimulatedHypervisor {
  const context = contextOf(world, host, options)
  const type = options.type ?? 'simulated'

  const find = (id: string): SimulatedVm => {
    const vm = world.host(host).vms.get(id)
    if (vm === undefined) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id })
    return vm
  }

  return {
    capabilities: {
      ...{ type, sendsAfterHandover: context.sendsAfterHandover },
      ...{ diskSlotPrefix: 'xvd', deviceKinds: ['block'], tunesMemory: false, resets: true },
      ...{ countsWrites: true },
    },
    async host() {
      const { memoryBytes, vms } = world.host(host)
      const taken = [...vms.values(), ...world.incoming(host).values()]
      const usedBytes = taken.reduce((sum, vm) => sum + vm.memoryBytes, 0)
      const freeMemoryBytes = Math.max(0, memoryBytes - usedBytes)
      const cpuModel = 'Simulated CPU'
      return { hypervisor: type, version: '1', memoryBytes, freeMemoryBytes, cpuModel }
    },
    networks: async () => world.host(host).networks.map((name) => ({ name })),
    async list() {
      if (world.takeFault(host, 'list-fails')) {
        throw new CrosspoolError('INTERNAL', { reference: 'asked to fail by the test' })
      }
      return [...world.host(host).vms.values()].map(factsOf)
    },
    async find(idOrName) {
      const { vms } = world.host(host)
      const found = vms.get(idOrName) ?? [...vms.values()].find(({ name }) => name === idOrName)
      return found ? factsOf(found) : null
    },
    watch: (listener) => world.watch(host, listener),
    async configuration(id) {
      const vm = find(id)
      const cpuPolicy = { features: vm.cpuFeatures.join(' ') }
      return { ...factsOf(vm), hypervisor: type, details: {}, cpuPolicy }
    },
    async missingCpuFeatures(configuration: VmConfiguration) {
      const wanted = (configuration.cpuPolicy.features ?? '').split(' ').filter(Boolean)
      return wanted.filter((feature) => !world.host(host).cpuFeatures.includes(feature))
    },
    unusableBootFiles: async () => [],
    async start({ id, name, vcpus, memoryBytes, disks, interfaces }) {
      const vms = [...world.host(host).vms.values()]
      if (vms.some((vm) => vm.id === id || vm.name === name))
        throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vm', id: name })
      const usedBytes = vms.reduce((sum, vm) => sum + vm.memoryBytes, 0)
      const freeBytes = world.host(host).memoryBytes - usedBytes
      if (memoryBytes > freeBytes)
        throw new CrosspoolError('MEMORY_SHORT', { host, freeBytes, neededBytes: memoryBytes })
      world.addVm(host, { id, name, vcpus, memoryBytes, disks, interfaces })
    },
    async send(id, stream, sendOptions) {
      const vm = find(id)
      if (vm.state !== 'running') throw context.wrongState(id, vm.state, 'send', 'running')
      return sendSimulatedVm(context, id, stream, sendOptions)
    },
    async receive(configuration, stream) {
      if (world.takeFault(host, 'receive-refused')) {
        throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason: 'asked to fail by the test' })
      }
      return receiveSimulatedVm(context, configuration, stream)
    },
    async diskWrites(id, disks) {
      const writes = world.host(host).vms.get(id)?.writes
      return writes
        ? disks.map(({ slot }) => writes.get(slot) ?? { slot, count: 0, tookUs: 0 })
        : []
    },
    untilConnected: async () => {},
    ...powerOf(context),
    async destroy(id) {
      world.incoming(host).delete(id)
      context.sending.delete(id)
      if (world.host(host).vms.has(id)) world.remove(host, id)
    },
    async resume(id) {
      if (world.neverRan(host).has(id))
        throw new CrosspoolError('HANDOVER_REFUSED', { reason: 'what was built has gone' })
      const received = world.incoming(host).get(id)
      if (received && context.keepsReceived) {
        world.incoming(host).delete(id)
        world.put(host, received)
      }
      const { state } = find(id)
      context.sending.delete(id)
      if (state === 'paused') world.setState(host, id, 'running')
      else if (state !== 'running') throw context.wrongState(id, state, 'resume', 'paused')
    },
    crash() {
      for (const drop of context.onCrash) drop()
      context.onCrash.clear()
    },
  }
}

function contextOf(
  world: HypervisorWorld,
  host: string,
  options: SimulatedHypervisorOptions,
): SimulatedContext {
  const { clock, sendsAfterHandover = false, keepsReceived = false } = options
  const { chunkMs = 0, deadlineMs = 60_000 } = options
  return {
    world,
    host,
    clock,
    sendsAfterHandover,
    keepsReceived,
    chunkMs,
    deadlineMs,
    sending: new Set(),
    onCrash: new Set(),
    async deadline(work, what) {
      const done = new AbortController()
      const late = clock.sleep(deadlineMs, done.signal).then(() => {
        throw new CrosspoolError('DEADLINE_PASSED', { what, timeoutMs: deadlineMs })
      })
      late.catch(() => {})
      return Promise.race([work, late]).finally(() => done.abort())
    },
    wrongState: (id, state, operation, needed) =>
      new CrosspoolError('WRONG_STATE', { kind: 'vm', id, state, operation, needed }),
  }
}

function factsOf(vm: SimulatedVm): VmFacts {
  const { id, name, state, vcpus, memoryBytes } = vm
  const [disks, interfaces, obstacles] = [[...vm.disks], [...vm.interfaces], [...vm.obstacles]]
  return { id, name, state, vcpus, memoryBytes, disks, interfaces, obstacles }
}

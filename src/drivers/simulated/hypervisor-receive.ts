import type { Duplex } from 'node:stream'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmConfiguration } from '../../model/vm.ts'
import type { IncomingVm } from '../../ports/hypervisor.ts'
import { refuseStart } from '../../ports/incoming-vm.ts'
import type { SimulatedContext } from './hypervisor-context.ts'
import { createFrameChannel, type FrameChannel } from './hypervisor-frames.ts'
import type { SimulatedVm } from './hypervisor-world.ts'

export function receiveSimulatedVm(
  context: SimulatedContext,
  configuration: VmConfiguration,
  stream: Duplex,
): IncomingVm {
  const { world, host } = context
  const channel = createFrameChannel(stream)
  const vm = vmFrom(configuration)
  let outcome: 'open' | 'started' | 'gone' = 'open'
  world.incoming(host).set(vm.id, vm)
  world.neverRan(host).delete(vm.id)

  function drop() {
    channel.close()
    if (world.incoming(host).get(vm.id) === vm) {
      world.incoming(host).delete(vm.id)
      world.neverRan(host).add(vm.id)
    }
    if (outcome === 'open') outcome = 'gone'
  }
  let isAcross = false
  const crash = () => {
    if (context.keepsReceived && isAcross) channel.close()
    else drop()
  }
  context.onCrash.add(crash)

  async function untilReady(): Promise<void> {
    try {
      vm.guestState = await receiveMemory(context, vm, channel)
      await channel.send('ready', Buffer.alloc(0))
      isAcross = true
    } catch (error) {
      drop()
      throw error
    }
  }

  const ready = untilReady()
  ready.catch(() => {})
  return {
    ready,
    async start() {
      if (outcome === 'started') return
      await ready.catch((error: unknown) => refuseStart('the memory is not across', error))
      if (outcome === 'gone') refuseStart('what was built has been removed')
      if (world.takeFault(host, 'start-refused')) {
        drop()
        refuseStart('asked to fail by the test')
      }
      if (context.sendsAfterHandover) await restOrRefusal(context, channel, drop)
      outcome = 'started'
      // Before anybody hears that it runs: from then on a crash of the daemon takes nothing away.
      world.incoming(host).delete(vm.id)
      context.onCrash.delete(crash)
      vm.state = 'running'
      world.put(host, vm)
      channel.close()
      if (world.takeFault(host, 'start-crashes')) world.setState(host, vm.id, 'crashed')
      if (world.takeFault(host, 'start-uncertain')) {
        throw new CrosspoolError('INTERNAL', { reference: 'asked to fail by the test' })
      }
    },
    async discard() {
      if (outcome === 'started') {
        throw context.wrongState(vm.id, 'started', 'discard', 'not yet started')
      }
      drop()
      context.onCrash.delete(crash)
      await ready.catch(() => {})
    },
  }
}

async function receiveMemory(
  context: SimulatedContext,
  vm: SimulatedVm,
  channel: FrameChannel,
): Promise<string> {
  for (let receivedBytes = 0; ; ) {
    const frame = await context.deadline(channel.next(), 'the next piece of memory')
    if (context.world.takeFault(context.host, 'receive-fails')) {
      const reason = 'the destination was asked to fail by the test'
      await channel.send('failed', Buffer.from(reason)).catch(() => {})
      throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason })
    }
    if (frame.type === 'memory') receivedBytes += frame.payload.length
    if (frame.type !== 'paused') continue
    if (receivedBytes === vm.memoryBytes) return frame.payload.toString()
    const reason = `${receivedBytes} of ${vm.memoryBytes} bytes arrived`
    throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason })
  }
}

// Without the rest the VM cannot run here, and the other side may go on without us: a certain refusal.
async function restOrRefusal(context: SimulatedContext, channel: FrameChannel, drop: () => void) {
  try {
    await context.deadline(channel.next(), 'the rest of the VM')
  } catch (error) {
    drop()
    refuseStart('the rest of the VM did not arrive', error)
  }
}

function vmFrom(configuration: VmConfiguration): SimulatedVm {
  const { id, name, vcpus, memoryBytes, disks, interfaces, obstacles } = configuration
  const cpuFeatures = (configuration.cpuPolicy.features ?? '').split(' ').filter(Boolean)
  const common = { id, name, vcpus, memoryBytes, disks, interfaces, obstacles, cpuFeatures }
  return { ...common, state: 'paused', writes: new Map(), guestState: '' }
}

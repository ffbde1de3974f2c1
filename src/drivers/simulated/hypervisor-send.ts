import type { Duplex } from 'node:stream'
import { CrosspoolError } from '../../model/errors.ts'
import type { OutgoingVm, SendOptions } from '../../ports/hypervisor.ts'
import type { SimulatedContext } from './hypervisor-context.ts'
import { createFrameChannel, type FrameChannel } from './hypervisor-frames.ts'

const chunkBytesMax = 64 * 1024
const chunksMin = 10

export function sendSimulatedVm(
  context: SimulatedContext,
  id: string,
  stream: Duplex,
  options: SendOptions,
): OutgoingVm {
  const { world, host } = context
  const channel = createFrameChannel(stream)
  let forgotten = false
  let hasFinished = false

  let tellStopped = () => {}
  const reached = new Promise<void>((resolve) => {
    tellStopped = resolve
  })
  async function untilPaused(): Promise<void> {
    options.signal.throwIfAborted()
    const stop = () => channel.close()
    options.signal.addEventListener('abort', stop, { once: true })
    try {
      await sendMemory(context, id, channel, options)
      world.setState(host, id, 'paused')
      tellStopped()
      const state = world.host(host).vms.get(id)?.guestState ?? ''
      await channel.send('paused', Buffer.from(state))
      await context.deadline(expectReady(channel), 'the destination to be ready')
    } catch (error) {
      channel.close()
      runOn()
      options.signal.throwIfAborted()
      throw error
    } finally {
      options.signal.removeEventListener('abort', stop)
    }
  }

  // Only a VM that this send stopped goes on; one that shut down by itself stays as it is.
  function runOn() {
    context.sending.delete(id)
    if (world.host(host).vms.get(id)?.state === 'paused') world.setState(host, id, 'running')
  }

  context.sending.add(id)
  const paused = untilPaused()
  paused.catch(() => context.sending.delete(id))
  const stopped = Promise.race([reached, paused])
  stopped.catch(() => {})
  return {
    stopped,
    paused,
    async finish() {
      if (world.takeFault(host, 'finish-fails')) {
        channel.close()
        throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason: 'asked to fail by the test' })
      }
      if (!context.sendsAfterHandover || hasFinished) return
      await channel.send('rest', Buffer.from('the rest'))
      hasFinished = true
    },
    async resume() {
      if (forgotten) throw context.wrongState(id, 'forgotten', 'resume', 'not yet forgotten')
      channel.close()
      if (world.takeFault(host, 'resume-fails')) {
        throw new CrosspoolError('INTERNAL', { reference: 'asked to fail by the test' })
      }
      await paused.catch(() => {})
      runOn()
    },
    async forget() {
      if (world.takeFault(host, 'forget-fails')) {
        throw new CrosspoolError('INTERNAL', { reference: 'asked to fail by the test' })
      }
      forgotten = true
      context.sending.delete(id)
      channel.close()
      world.remove(host, id)
    },
  }
}

async function sendMemory(
  context: SimulatedContext,
  id: string,
  channel: FrameChannel,
  options: SendOptions,
): Promise<void> {
  const { world, host, clock } = context
  const totalBytes = world.host(host).vms.get(id)?.memoryBytes ?? 0
  const chunkBytes = Math.min(chunkBytesMax, Math.max(1, Math.ceil(totalBytes / chunksMin)))
  for (let sentBytes = 0; sentBytes < totalBytes; ) {
    await faultDuringSend(context, id, sentBytes / totalBytes, options.signal)
    if (world.host(host).vms.get(id)?.state !== 'running') {
      throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason: 'the VM has ended' })
    }
    const length = Math.min(chunkBytes, totalBytes - sentBytes)
    await context.deadline(channel.send('memory', Buffer.alloc(length)), 'memory to be taken')
    sentBytes += length
    options.onProgress({ sentBytes, totalBytes })
    if (context.chunkMs > 0) await clock.sleep(context.chunkMs, options.signal)
    options.signal.throwIfAborted()
  }
}

async function faultDuringSend(
  context: SimulatedContext,
  id: string,
  fraction: number,
  signal: AbortSignal,
): Promise<void> {
  const { world, host, clock } = context
  const isDue = (fault: { readonly fraction: number }) => fraction >= fault.fraction
  if (world.takeFault(host, 'send-fails', isDue)) {
    throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason: 'asked to fail by the test' })
  }
  if (world.takeFault(host, 'guest-shuts-down', isDue)) world.setState(host, id, 'shutdown')
  if (world.takeFault(host, 'send-hangs', isDue)) {
    await clock.sleep(context.deadlineMs, signal)
    throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason: 'nothing moved any more' })
  }
}

async function expectReady(channel: FrameChannel): Promise<void> {
  const frame = await channel.next()
  if (frame.type === 'ready') return
  throw new CrosspoolError('MEMORY_STREAM_FAILED', { reason: frame.payload.toString() })
}

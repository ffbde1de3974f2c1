import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CrosspoolError } from '../../model/errors.ts'
import { createIdleWatch, within } from '../../ports/deadlines.ts'
import type { OutgoingVm, SendOptions } from '../../ports/hypervisor.ts'
import { createByteSource, pump, write } from './byte-source.ts'
import { bannerText, readyText } from './migration-texts.ts'
import { reviveDomain } from './revive-domain.ts'
import { openTransportSocket, type TransportSocket } from './transport-socket.ts'
import { destroyDomains, type XenContext } from './xen-context.ts'
import { startXl, type XlChild } from './xl-child.ts'

export interface OutgoingDomain {
  readonly uuid: string
  readonly domid: number
  readonly memoryBytes: number
}

/**
 * Sends a domain with `xl migrate`, whose transport is a socket of ours. xl never learns that its
 * memory has arrived: the receiver's "ready" is kept from it, so xl stays where it still may, and
 * can, resume the domain, for as long as the disks are being handed over.
 */
export async function sendDomain(
  context: XenContext,
  domain: OutgoingDomain,
  stream: Duplex,
  options: SendOptions,
): Promise<OutgoingVm> {
  const { clock, limits } = context
  const domid = String(domain.domid)
  options.signal.throwIfAborted()
  const transport = await openTransportSocket(context.runtimeDirectory, context.random.hex(8))
  const xl = startXl(context.commandRunner, clock, ['migrate', '-s', '', domid, transport.command])
  xl.stdout.resume()
  const withdrawn = new AbortController()
  const signal = AbortSignal.any([options.signal, withdrawn.signal])
  let forgotten = false

  async function untilPaused(): Promise<void> {
    try {
      await relay(context, { xl, transport, domain, stream, signal, options })
      // If this daemon dies now, xl would see its transport end and resume the domain, though the
      // disks may already be the destination's. A stopped xl does nothing until somebody decides.
      xl.kill('SIGSTOP')
    } catch (error) {
      // What comes after this is no cause of it: the other side gives up when it finds the stream broken.
      const isWithdrawn = signal.aborted
      const notBack = await backHere(limits.stepMs).catch((cause: unknown) => ({ cause }))
      if (isWithdrawn) throw signal.reason
      throw failure(xl, notBack ? [error, notBack.cause] : [error])
    }
  }

  // Without its transport xl gives up, and resumes the domain if it had suspended it.
  async function backHere(patienceMs: number): Promise<void> {
    stream.destroy()
    await transport.close()
    xl.kill('SIGCONT')
    await xl.endWithin(patienceMs)
    await reviveDomain(context, domain)
  }

  context.sending.add(domain.uuid)
  const paused = untilPaused().finally(() => context.sending.delete(domain.uuid))
  paused.catch(() => {})
  return {
    // xl does not tell when it has suspended the domain.
    stopped: paused,
    paused,
    // Everything that xl sends was across before `paused`.
    finish: async () => {},
    async resume() {
      if (forgotten) {
        const state = 'released'
        const needed = 'not yet released'
        const details = { kind: 'vm', id: domain.uuid, state, operation: 'resume', needed }
        throw new CrosspoolError('WRONG_STATE', details)
      }
      withdrawn.abort(new CrosspoolError('CANCELLED'))
      await paused.catch(() => {})
      await backHere(limits.stepMs)
    },
    async forget() {
      forgotten = true
      // Told of a success, xl would do just this; but a killed xl can no longer resume the domain.
      xl.kill('SIGKILL')
      await within(clock, limits.stepMs, 'the end of xl migrate', xl.ended)
      stream.destroy()
      await transport.close()
      await destroyDomains(context, ({ domid, uuid }) => {
        return domid === domain.domid && uuid === domain.uuid
      })
    },
  }
}

interface Relay {
  readonly xl: XlChild
  readonly transport: TransportSocket
  readonly domain: OutgoingDomain
  readonly stream: Duplex
  readonly signal: AbortSignal
  readonly options: SendOptions
}

/** Resolves when the receiver is ready: the domain is suspended here, and its memory is there. */
async function relay(context: XenContext, parts: Relay): Promise<void> {
  const { xl, stream, signal } = parts
  const { clock, limits } = context
  const fromReceiver = createByteSource(stream)
  const stopping = new AbortController()
  const interrupted = untilInterrupted(xl, signal, stopping.signal)
  interrupted.catch(() => {})
  const step = <T>(what: string, work: Promise<T>) =>
    Promise.race([within(clock, limits.stepMs, what, work), interrupted])
  try {
    const socket = await step('xl to start its transport', parts.transport.connection)
    // The receiver may have to wait for its turn, so this may take longer than any later silence.
    const banner = expectText(fromReceiver.read(bannerText.length), bannerText, 'its banner')
    const turn = within(clock, limits.turnMs, 'the destination to take the memory', banner)
    await Promise.race([turn, interrupted])
    await step('xl to take the banner', write(socket, bannerText))
    const ready = expectText(fromReceiver.read(readyText.length), readyText, 'that it is ready')
    await Promise.race([moveMemory(context, socket, parts, ready), interrupted])
  } finally {
    stopping.abort()
  }
}

async function moveMemory(
  context: XenContext,
  socket: Socket,
  { stream, options, domain }: Relay,
  ready: Promise<void>,
): Promise<void> {
  const idle = createIdleWatch(context.clock, context.limits.idleMs)
  const totalBytes = domain.memoryBytes
  let sentBytes = 0
  const moving = pump(createByteSource(socket), stream, (count) => {
    sentBytes += count
    idle.touch()
    options.onProgress({ sentBytes, totalBytes })
  })
  // xl has no reason to end its stream before the receiver is ready.
  const ended = moving.then(() => Promise.reject(broken('xl stopped sending')))
  ended.catch(() => {})
  try {
    await Promise.race([ready, ended, idle.lapsed])
  } finally {
    idle.stop()
  }
}

async function untilInterrupted(
  xl: XlChild,
  signal: AbortSignal,
  stopping: AbortSignal,
): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { signal: stopping })
  })
  const ended = xl.ended.then(() => Promise.reject(broken('xl migrate ended')))
  return Promise.race([aborted, ended])
}

async function expectText(
  reading: Promise<Buffer | null>,
  expected: Buffer,
  what: string,
): Promise<void> {
  const text = await reading
  if (text === null) throw broken(`the destination closed it before it said ${what}`)
  if (!text.equals(expected)) throw broken(`the destination did not say ${what}`)
}

function broken(reason: string): CrosspoolError {
  return new CrosspoolError('MEMORY_STREAM_FAILED', { reason })
}

// Whatever was noticed first, xl's own words are what a person needs.
function failure(xl: XlChild, errors: readonly unknown[]): CrosspoolError {
  const noticed = errors.map((error) => {
    if (!(error instanceof CrosspoolError)) return String(error)
    return error.details.reason ?? error.message
  })
  const reason = `${noticed.join('; ')} (${xl.complaint()})`
  const cause = new AggregateError(errors, 'a VM could not be sent')
  return new CrosspoolError('MEMORY_STREAM_FAILED', { reason }, cause)
}

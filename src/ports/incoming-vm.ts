import type { Duplex } from 'node:stream'
import { CrosspoolError, isCrosspoolError } from '../model/errors.ts'
import type { IncomingVm } from './hypervisor.ts'

/** What a driver can do with a VM that arrives. */
export interface IncomingActs {
  readonly vm: string
  readonly stream: Duplex
  /** Waits until it may be built; answers how to let the next one in, once this one is built or removed. */
  takeTurn?(signal: AbortSignal): Promise<() => void>
  /** Resolves when the memory is across; gives up when the signal is aborted. */
  build(signal: AbortSignal): Promise<void>
  /** What the hypervisor's program has complained of, if it was started. */
  complaint(): Promise<string | null>
  /** Runs what was built. @throws HANDOVER_REFUSED when it certainly does not run and never will */
  run(): Promise<void>
  /** Removes what was built, if anything was; may be asked again. */
  remove(): Promise<void>
}

/** A VM that is built at once, started once at the most, and removed only where it never ran. */
export function createIncomingVm(acts: IncomingActs): IncomingVm {
  const { vm, stream } = acts
  const given = new AbortController()
  let started: Promise<void> | null = null
  // It may break before anybody reads it; whoever reads it then will notice.
  stream.on('error', () => {})

  async function untilReady(): Promise<void> {
    const release = await acts.takeTurn?.(given.signal)
    try {
      await acts.build(given.signal)
    } catch (error) {
      stream.destroy()
      const complaint = await acts.complaint()
      const leftBehind = await acts.remove().catch((cause: unknown) => ({ cause }))
      // `discard` tries again.
      const errors = leftBehind ? [error, leftBehind.cause] : [error]
      throw failure(error, complaint, new AggregateError(errors, 'a VM could not be received'))
    } finally {
      release?.()
    }
  }

  async function run(): Promise<void> {
    await ready.catch((error: unknown) => refuseStart('its memory is not across', error))
    if (given.signal.aborted) refuseStart('what was built has been removed')
    await acts.run()
    stream.destroy()
  }

  const ready = untilReady()
  ready.catch(() => {})
  return {
    ready,
    start() {
      started ??= run().catch((error: unknown) => {
        // A refusal is final; anything else is uncertain, and may be asked again.
        if (!isCrosspoolError(error, 'HANDOVER_REFUSED')) started = null
        throw error
      })
      return started
    },
    async discard() {
      if (started !== null && (await started.then(() => true).catch(() => false))) {
        const [state, needed] = ['running', 'not yet started']
        const details = { kind: 'vm', id: vm, state, operation: 'discard', needed }
        throw new CrosspoolError('WRONG_STATE', details)
      }
      given.abort(new CrosspoolError('CANCELLED'))
      stream.destroy()
      await ready.catch(() => {})
      await acts.remove()
    },
  }
}

/** It certainly does not run here, and never will. */
export function refuseStart(reason: string, cause?: unknown): never {
  throw new CrosspoolError('HANDOVER_REFUSED', { reason }, cause)
}

function failure(error: unknown, complaint: string | null, cause: unknown): CrosspoolError {
  const isOfStream = isCrosspoolError(error, 'MEMORY_STREAM_FAILED')
  if (error instanceof CrosspoolError && !isOfStream) return error
  const noticed = isOfStream ? error.details.reason : error
  const reason = complaint === null ? `${noticed}` : `${noticed} (${complaint})`
  return new CrosspoolError('MEMORY_STREAM_FAILED', { reason }, cause)
}

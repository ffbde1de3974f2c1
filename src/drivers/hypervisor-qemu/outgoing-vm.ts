import type { Duplex } from 'node:stream'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { createIdleWatch, within } from '../../ports/deadlines.ts'
import type { OutgoingVm, SendOptions } from '../../ports/hypervisor.ts'
import { downtimeLimitMs, followPasses } from './downtime-limit.ts'
import { carryMemory, type MemoryServer, openMemoryServer } from './memory-socket.ts'
import { followMigration, type MigrationEvents, setCapabilities } from './migration-events.ts'
import { destroyProcess } from './process.ts'
import type { QemuContext } from './qemu-context.ts'
import { bringToRun, queryMigration } from './run-state.ts'
import { reportProgress } from './send-progress.ts'
import { streamFailed } from './stream-failed.ts'
import { complaintOf, vmFolder } from './vm-folder.ts'

const unlimitedBytesPerSecond = Number.MAX_SAFE_INTEGER

/**
 * Sends a VM's memory through a socket of ours. When QEMU says that the migration is completed, all
 * is across, the VM stands still and its disks have been let go of: QEMU neither writes to them nor
 * runs the VM again unless it is told to.
 */
export function sendVm(
  context: QemuContext,
  vm: string,
  stream: Duplex,
  options: SendOptions,
): OutgoingVm {
  const { limits, clock, monitors } = context
  const folder = vmFolder(context.directory, vm)
  const withdrawn = new AbortController()
  const signal = AbortSignal.any([options.signal, withdrawn.signal])
  let forgotten = false
  // It may break before anybody writes to it; whoever writes then will notice.
  stream.on('error', () => {})

  let isSwitching = false
  let stop = () => {}
  const reached = new Promise<void>((resolve) => {
    stop = resolve
  })
  const switchOver = () => {
    isSwitching = true
    stop()
  }
  async function untilPaused(): Promise<void> {
    const qmp = await monitors.open(vm)
    if (qmp === null) throw streamFailed('QEMU has ended')
    try {
      signal.throwIfAborted()
      await migrate(context, { qmp, path: folder.memory, stream, signal, options, switchOver })
    } catch (error) {
      // What comes after this is no cause of it: the other side gives up when it finds the stream broken.
      const isWithdrawn = signal.aborted
      stream.destroy()
      const back = bringToRun(context, vm, qmp, isSwitching)
      const notBack = await back.catch((cause: unknown) => ({ cause }))
      if (isWithdrawn) throw signal.reason
      const complaint = await complaintOf(folder)
      throw failure(notBack ? [error, notBack.cause] : [error], complaint)
    }
  }

  context.sending.add(vm)
  const paused = untilPaused().finally(() => context.sending.delete(vm))
  const stopped = Promise.race([reached, paused])
  stopped.catch(() => {})
  return {
    stopped,
    paused,
    // Everything that QEMU sends was across before `paused`.
    finish: async () => {},
    async resume() {
      if (forgotten) {
        const [state, needed] = ['released', 'not yet released']
        const details = { kind: 'vm', id: vm, state, operation: 'resume', needed }
        throw new CrosspoolError('WRONG_STATE', details)
      }
      withdrawn.abort(new CrosspoolError('CANCELLED'))
      await within(
        clock,
        limits.stepMs,
        'the end of the migration',
        paused.catch(() => {}),
      )
      stream.destroy()
      const qmp = await monitors.open(vm)
      if (qmp === null) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: vm })
      await bringToRun(context, vm, qmp, isSwitching)
    },
    async forget() {
      forgotten = true
      stream.destroy()
      await context.lock.run([vm], () => destroyProcess(context, folder))
      monitors.changed()
    },
  }
}

interface Sending {
  readonly qmp: Qmp
  readonly path: string
  readonly stream: Duplex
  readonly signal: AbortSignal
  readonly options: SendOptions
  /** The guest stands still, its disks have been flushed, and QEMU is about to let go of them. */
  readonly switchOver: () => void
}

/** Resolves when the migration is completed and the stream has taken all of it. */
async function migrate(context: QemuContext, sending: Sending): Promise<void> {
  const { qmp, path, stream, signal, options } = sending
  const server = await openMemoryServer(path)
  const idle = createIdleWatch(context.clock, context.limits.idleMs)
  const events = followMigration(qmp)
  const stopFollowing = followPasses(qmp, options.downtimeLimitMs)
  const over = new AbortController()
  try {
    await tune(qmp, options)
    await qmp.execute('migrate', { uri: `unix:${path}` })
    const carried = carry(server, stream, idle.touch)
    const completed = untilCompleted(context, sending, events)
    const reported = reportProgress(context, qmp, options, over.signal)
    // A stream that breaks, or stands still, ends it; one that ends well waits for QEMU's word.
    const broken = Promise.race([idle.lapsed, carried.then(() => completed), reported.failed])
    await Promise.race([completed, broken, untilAborted(signal, over.signal)])
    await Promise.all([Promise.race([carried, idle.lapsed]), reported.last()])
    signal.throwIfAborted()
  } finally {
    over.abort()
    idle.stop()
    events.stop()
    stopFollowing()
    await server.close()
  }
}

/** QEMU remembers what the last migration was told, so each is told again. */
async function tune(qmp: Qmp, options: SendOptions): Promise<void> {
  await setCapabilities(qmp, {
    events: true,
    'pause-before-switchover': true,
    'auto-converge': options.autoConverge ?? false,
  })
  await qmp.execute('migrate-set-parameters', {
    'downtime-limit': downtimeLimitMs(0, options.downtimeLimitMs),
    'max-bandwidth': unlimitedBytesPerSecond,
  })
}

async function carry(server: MemoryServer, stream: Duplex, onBytes: () => void): Promise<void> {
  await carryMemory(await server.connection, stream, onBytes)
}

async function untilCompleted(
  context: QemuContext,
  { qmp, signal, switchOver }: Sending,
  events: MigrationEvents,
): Promise<void> {
  for (;;) {
    const status = await events.next()
    if (status === 'completed') return
    if (status === null) throw streamFailed('QEMU has ended')
    if (status === 'cancelled') throw streamFailed('the migration was cancelled')
    if (status === 'failed') {
      const facts = await queryMigration(context, qmp)
      throw streamFailed(facts['error-desc'] ?? 'QEMU could not send it')
    }
    if (status !== 'pre-switchover') continue
    // The guest stands still, and QEMU has not let go of its disks: from here going on is quicker
    // than going back, so this is the last time to ask.
    signal.throwIfAborted()
    switchOver()
    await qmp.execute('migrate-continue', { state: 'pre-switchover' })
  }
}

async function untilAborted(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return await new Promise<never>((_, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { signal: over })
  })
}

function failure(errors: readonly unknown[], complaint: string): CrosspoolError {
  const noticed = errors.map((error) => {
    if (!(error instanceof CrosspoolError)) return String(error)
    return error.details.reason ?? error.message
  })
  const reason = `${noticed.join('; ')} (${complaint})`
  const cause = new AggregateError(errors, 'a VM could not be sent')
  return streamFailed(reason, cause)
}

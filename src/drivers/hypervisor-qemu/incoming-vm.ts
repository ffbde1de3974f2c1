import type { Duplex } from 'node:stream'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import { createIdleWatch, within } from '../../ports/deadlines.ts'
import type { IncomingVm } from '../../ports/hypervisor.ts'
import { carryMemory, connectMemory } from './memory-socket.ts'
import { followMigration, type MigrationEvents, setCapabilities } from './migration-events.ts'
import { destroyProcess, launch } from './process.ts'
import type { QemuContext } from './qemu-context.ts'
import type { QemuVm } from './qemu-vm.ts'
import { refuseStart, startIncoming } from './start-incoming.ts'
import { streamFailed } from './stream-failed.ts'
import { complaintOf, vmFolder } from './vm-folder.ts'

/**
 * Receives a VM into a QEMU that is told not to run it, and not to take hold of its disks before it
 * runs. So nothing reads or writes them here until `start`.
 */
export function receiveVm(context: QemuContext, vm: QemuVm, stream: Duplex): IncomingVm {
  const { monitors, lock } = context
  const folder = vmFolder(context.directory, vm.id)
  const given = new AbortController()
  let isBuilt = false
  let started: Promise<void> | null = null
  // It may break before anybody reads it; whoever reads it then will notice.
  stream.on('error', () => {})

  async function untilReady(): Promise<void> {
    try {
      given.signal.throwIfAborted()
      const qmp = await lock.run([vm.id], () => launch(context, vm, { isIncoming: true }))
      isBuilt = true
      await receiveMemory(context, { qmp, path: folder.memory, stream, signal: given.signal })
    } catch (error) {
      stream.destroy()
      if (!isBuilt) throw error
      const complaint = await complaintOf(folder)
      const leftBehind = await remove().catch((cause: unknown) => ({ cause }))
      // `discard` tries again.
      const errors = leftBehind ? [error, leftBehind.cause] : [error]
      throw failure(error, complaint, new AggregateError(errors, 'a VM could not be received'))
    }
  }

  async function remove(): Promise<void> {
    if (!isBuilt) return
    await lock.run([vm.id], () => destroyProcess(context, folder))
    monitors.changed()
  }

  async function go(): Promise<void> {
    await ready.catch((error: unknown) => refuseStart('its memory is not across', error))
    if (given.signal.aborted) refuseStart('what was built has been removed')
    await startIncoming(context, vm.id)
    stream.destroy()
  }

  const ready = untilReady()
  ready.catch(() => {})
  return {
    ready,
    start() {
      started ??= go().catch((error: unknown) => {
        // A refusal is final; anything else is uncertain, and may be asked again.
        if (!isCrosspoolError(error, 'HANDOVER_REFUSED')) started = null
        throw error
      })
      return started
    },
    async discard() {
      if (started !== null && (await started.then(() => true).catch(() => false))) {
        const [state, needed] = ['running', 'not yet started']
        const details = { kind: 'vm', id: vm.id, state, operation: 'discard', needed }
        throw new CrosspoolError('WRONG_STATE', details)
      }
      given.abort(new CrosspoolError('CANCELLED'))
      stream.destroy()
      await ready.catch(() => {})
      await remove()
    },
  }
}

interface Receiving {
  readonly qmp: Qmp
  readonly path: string
  readonly stream: Duplex
  readonly signal: AbortSignal
}

/** Resolves when QEMU says that it has all of the VM's memory and devices. */
async function receiveMemory(context: QemuContext, receiving: Receiving): Promise<void> {
  const { qmp, path, stream, signal } = receiving
  await setCapabilities(qmp, { events: true, 'late-block-activate': true })
  const events = followMigration(qmp)
  const idle = createIdleWatch(context.clock, context.limits.idleMs)
  await qmp.execute('migrate-incoming', { uri: `unix:${path}` })
  const socket = await connectMemory(path)
  const close = () => socket.destroy()
  signal.addEventListener('abort', close)
  try {
    const completed = untilCompleted(events)
    // Whatever broke, QEMU has the last word: it may have had all of it before.
    const carried = carryMemory(stream, socket, idle.touch).then(
      () => void socket.end(),
      async (error: unknown) => {
        socket.destroy()
        const { clock, limits } = context
        await within(clock, limits.stepMs, 'the end of QEMU', completed).catch(() => {
          throw error
        })
      },
    )
    await Promise.race([completed, idle.lapsed, carried.then(() => completed)])
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', close)
    idle.stop()
    events.stop()
    socket.destroy()
  }
}

async function untilCompleted(events: MigrationEvents): Promise<void> {
  for (;;) {
    const status = await events.next()
    if (status === 'completed') return
    if (status === null || status === 'failed') throw streamFailed('QEMU could not take it')
  }
}

function failure(error: unknown, complaint: string, cause: unknown): CrosspoolError {
  if (error instanceof CrosspoolError && error.code !== 'MEMORY_STREAM_FAILED') return error
  const noticed = error instanceof CrosspoolError ? error.details.reason : error
  return streamFailed(`${noticed} (${complaint})`, cause)
}

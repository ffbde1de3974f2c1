import type { Duplex } from 'node:stream'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { createIdleWatch, within } from '../../ports/deadlines.ts'
import type { IncomingVm } from '../../ports/hypervisor.ts'
import { createIncomingVm } from '../../ports/incoming-vm.ts'
import { carryMemory, connectMemory } from './memory-socket.ts'
import { followMigration, type MigrationEvents, setCapabilities } from './migration-events.ts'
import { destroyProcess, launch } from './process.ts'
import type { QemuContext } from './qemu-context.ts'
import type { QemuVm } from './qemu-vm.ts'
import { startIncoming } from './start-incoming.ts'
import { streamFailed } from './stream-failed.ts'
import { complaintOf, vmFolder } from './vm-folder.ts'

/**
 * Receives a VM into a QEMU that is told not to run it, and not to take hold of its disks before it
 * runs. So nothing reads or writes them here until `start`.
 */
export function receiveVm(context: QemuContext, vm: QemuVm, stream: Duplex): IncomingVm {
  const { monitors, lock } = context
  const folder = vmFolder(context.directory, vm.id)
  let isBuilt = false
  return createIncomingVm({
    ...{ vm: vm.id, stream },
    async build(signal) {
      signal.throwIfAborted()
      const qmp = await lock.run([vm.id], () => launch(context, vm, { isIncoming: true }))
      isBuilt = true
      await receiveMemory(context, { qmp, path: folder.memory, stream, signal })
    },
    complaint: async () => (isBuilt ? await complaintOf(folder) : null),
    run: () => startIncoming(context, vm.id),
    async remove() {
      if (!isBuilt) return
      await lock.run([vm.id], () => destroyProcess(context, folder))
      monitors.changed()
    },
  })
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

import { codeOf } from '../../lib/error-code.ts'
import { createOrderedListeners } from '../../lib/ordered-listeners.ts'
import { connectQmp, type Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { vmFolder } from './vm-folder.ts'

/** One connection to the monitor of each VM's QEMU, kept for as long as that lives. */
export interface Monitors {
  /** Null when no QEMU runs this VM. @throws DEADLINE_PASSED for one that does not answer */
  open(vm: string): Promise<Qmp | null>
  /** Lets go of the monitor of a QEMU that has been ended. */
  forget(vm: string): Promise<void>
  /** Calls `listener` when a VM may have changed or its QEMU has gone. Answers how to stop. */
  watch(listener: () => void): () => void
  /** For what the monitors do not see: VMs that came or went by our own doing. */
  changed(): void
  /** Lets go of every monitor; the VMs run on. */
  close(): void
}

export function createMonitors(clock: Clock, directory: string, answerMs: number): Monitors {
  const connections = new Map<string, Promise<Qmp | null>>()
  const listeners = createOrderedListeners<'changed'>()

  async function connect(vm: string): Promise<Qmp | null> {
    const qmp = await greet(vm)
    qmp?.onEvent(({ name }) => {
      if (tellingEvents.has(name)) listeners.emit('changed')
    })
    void qmp?.closed.then(() => {
      connections.delete(vm)
      listeners.emit('changed')
    })
    return qmp
  }

  async function greet(vm: string): Promise<Qmp | null> {
    const { monitor } = vmFolder(directory, vm)
    const untilMs = clock.monotonicMs() + answerMs
    for (;;) {
      try {
        return await connectQmp(monitor, answerMs)
      } catch (error) {
        if (isNobodyThere(error)) return null
        const what = `the greeting of the QEMU of VM ${vm}`
        if (clock.monotonicMs() > untilMs - pauseMs)
          throw new CrosspoolError('DEADLINE_PASSED', { what, timeoutMs: answerMs }, error)
        // It hung up before its time was over, so it is about to end: soon nobody will be there.
        await clock.sleep(pauseMs)
      }
    }
  }

  return {
    async open(vm) {
      const known = connections.get(vm)
      if (known !== undefined) return known
      const connection = connect(vm)
      connections.set(vm, connection)
      const forget = () => void connections.delete(vm)
      connection.then((qmp) => qmp ?? forget(), forget)
      return await connection
    },
    async forget(vm) {
      const qmp = await connections.get(vm)?.catch(() => null)
      connections.delete(vm)
      qmp?.close()
      await qmp?.closed
    },
    watch: (listener) => listeners.add(listener),
    changed: () => listeners.emit('changed'),
    close() {
      for (const connection of connections.values()) {
        connection.then(
          (qmp) => qmp?.close(),
          () => {},
        )
      }
      connections.clear()
    },
  }
}

const pauseMs = 20

/** The events after which a list of VMs looks different. */
const tellingEvents = new Set([
  'STOP',
  'RESUME',
  'SHUTDOWN',
  'GUEST_PANICKED',
  'BLOCK_IO_ERROR',
  'MIGRATION',
])

function isNobodyThere(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ECONNREFUSED'
}

import { sleep } from '../lib/sleep.ts'
import { isCrosspoolError } from '../model/errors.ts'
import type { Operation } from '../model/operation.ts'
import type { Store } from './store.ts'

const forever = Number.POSITIVE_INFINITY
const retryMs = 3_000

/**
 * Keeps the inventories up to date by the daemon's events until told to stop. When the line is lost
 * it is opened again and again; meanwhile the daemon is asked, for a proxy may let only answers through.
 */
export async function followInventories(store: Store, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const events = store.client.watchInventories(
        {},
        {
          ...{ signal, giveUpAfterMs: forever },
          onInterruption: (error) => {
            lose(store, error)
            store.refresh().then(() => live(store), ignore)
          },
        },
      )
      for await (const inventories of events) {
        store.inventories.value = inventories
        live(store)
      }
    } catch (error) {
      if (signal.aborted || store.needsLogin.value) return
      lose(store, error)
    }
    await sleep(retryMs, signal).catch(ignore)
  }
}

function lose({ link, nowMs }: Store, error: unknown): void {
  const sinceMs = link.value.state === 'lost' ? link.value.sinceMs : nowMs.value
  link.value = { state: 'lost', sinceMs, reason: textOf(error) }
}

function live(store: Store): void {
  if (store.link.value.state === 'live') return
  store.link.value = { state: 'live' }
  store.identify().catch(ignore)
}

/** What follows tells whether it went well: the link's state, the next try. */
function ignore(): void {}

interface OperationListener {
  onOperation(operation: Operation): void
  onProblem(error: unknown): void
}

/** One operation at every change until it has ended. */
export async function followOperation(
  { client }: Store,
  id: string,
  signal: AbortSignal,
  { onOperation, onProblem }: OperationListener,
): Promise<void> {
  try {
    const call = { params: { operation: id } }
    const events = client.watchOperation(call, { signal, giveUpAfterMs: forever })
    for await (const operation of events) onOperation(operation)
  } catch (error) {
    if (!signal.aborted) onProblem(error)
  }
}

/** What to tell a person of an error: what it is, and what to do. */
export function textOf(error: unknown): string {
  if (isCrosspoolError(error)) {
    const { message, advice } = error.toDocument()
    return `${message}. ${advice}`
  }
  return error instanceof Error ? error.message : String(error)
}

import { readFile } from 'node:fs/promises'
import type { Clock } from '../../ports/clock.ts'
import { parseProcDrbd } from './parse-proc-drbd.ts'
import type { StateReader } from './state-reader.ts'

const refreshMs = 1_000

/**
 * While one of our resources is being synced, reads the counters once a second: the kernel sends
 * events for states, not for progress. Reading a file of 8.4's starts no process.
 */
export function startProgressRefresher(
  reader: StateReader,
  isOurs: (name: string) => boolean,
  clock: Clock,
  read: () => Promise<string> = () => readFile('/proc/drbd', 'utf8'),
): () => void {
  const closing = new AbortController()
  let refreshing = false

  function isSyncing(): boolean {
    return [...reader.states()].some(
      ([name, { replication }]) => replication.startsWith('Sync') && isOurs(name),
    )
  }

  async function refresh(): Promise<void> {
    if (refreshing) return
    refreshing = true
    try {
      while (isSyncing()) {
        await clock.sleep(refreshMs, closing.signal)
        reader.applyCounters(parseProcDrbd(await read()))
      }
    } catch {
      // Closed, or a version that has no such file: then the progress is as of the last event.
    } finally {
      refreshing = false
    }
  }

  const stop = reader.onChange(() => void refresh())
  void refresh()
  return () => {
    stop()
    closing.abort()
  }
}

import { readFile } from 'node:fs/promises'
import type { Clock } from '../../ports/clock.ts'
import { parseProcDrbd } from './parse-proc-drbd.ts'
import type { ResourceState } from './resource-states.ts'
import type { StateReader } from './state-reader.ts'

const refreshMs = 1_000

/**
 * While one of our resources is being synced, or remembers what its peer lacks, reads the counters once
 * a second: the kernel sends events for states, not for progress. Reading a file of 8.4's starts no process.
 */
export function startProgressRefresher(
  reader: Pick<StateReader, 'states' | 'onChange' | 'applyCounters'>,
  isOurs: (name: string) => boolean,
  clock: Clock,
  read: () => Promise<string> = () => readFile('/proc/drbd', 'utf8'),
): () => void {
  const closing = new AbortController()
  let refreshing = false

  function areCounting(): boolean {
    return [...reader.states()].some(([name, state]) => isCounting(state) && isOurs(name))
  }

  async function refresh(): Promise<void> {
    if (refreshing || !areCounting()) return
    refreshing = true
    try {
      // Once more after the last event, which may have come while an older state was being read.
      for (let isLast = false; !isLast; ) {
        isLast = !areCounting()
        reader.applyCounters(parseProcDrbd(await read()))
        if (!isLast) await clock.sleep(refreshMs, closing.signal)
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

function isCounting({ replication, disk, connection }: ResourceState): boolean {
  const isApart = disk !== 'Diskless' && connection !== 'Connected'
  return isApart || replication.startsWith('Sync')
}

import { createInterface } from 'node:readline'
import { createOrderedListeners } from '../../lib/ordered-listeners.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CommandRunner, RunningCommand } from '../../ports/command-runner.ts'
import type { Command } from './commands.ts'
import { parseEvent } from './parse-events.ts'
import type { SyncCounters } from './parse-proc-drbd.ts'
import { applyEvent, type ResourceStates } from './resource-states.ts'

export interface StateReader {
  states(): ResourceStates
  /** Calls `listener` after every change. Answers how to stop. */
  onChange(listener: () => void): () => void
  /** Resolves when the present state is known. */
  readonly ready: Promise<void>
  /** How far a sync has got, of which the kernel sends no events. */
  applyCounters(counters: ReadonlyMap<number, SyncCounters>): void
  close(): Promise<void>
}

export interface StateReaderOptions {
  readonly commandRunner: CommandRunner
  readonly clock: Clock
  readonly command: Command
}

const restartDelayMs = 2_000

/**
 * Keeps the state of all resources from one `drbdsetup events2` that runs all the time. When it
 * ends it is started again; what was known stays until the new one has told the whole state, which
 * then replaces it.
 */
export function startStateReader({
  commandRunner,
  clock,
  command,
}: StateReaderOptions): StateReader {
  const listeners = createOrderedListeners<ResourceStates>()
  const closing = new AbortController()
  let states: ResourceStates = new Map()
  let running: RunningCommand | null = null
  let becomeReady: () => void = () => {}
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve
  })

  function publish(next: ResourceStates): void {
    if (next === states) return
    states = next
    listeners.emit(next)
  }

  async function read(): Promise<void> {
    const [program, ...args] = command
    running = commandRunner.start(program, args)
    running.stderr.resume()
    let isComplete = false
    let told: ResourceStates = new Map()
    for await (const line of createInterface({ input: running.stdout })) {
      const event = parseEvent(line)
      if (event === null) continue
      if (event.verb === 'complete') {
        isComplete = true
        publish(told)
        becomeReady()
      } else if (isComplete) publish(applyEvent(states, event))
      else told = applyEvent(told, event)
    }
    await running.ended
  }

  async function readUntilClosed(): Promise<void> {
    while (!closing.signal.aborted) {
      await read().catch(() => {})
      await clock.sleep(restartDelayMs, closing.signal).catch(() => {})
    }
  }
  const ended = readUntilClosed()

  return {
    states: () => states,
    onChange: (listener) => listeners.add(listener),
    ready,

    applyCounters(counters) {
      const next = new Map(states)
      let hasChanged = false
      for (const [name, state] of states) {
        const counted = state.minor === null ? undefined : counters.get(state.minor)
        if (counted === undefined || isCounted(state, counted)) continue
        next.set(name, { ...state, ...counted })
        hasChanged = true
      }
      if (hasChanged) publish(next)
    },

    async close() {
      closing.abort()
      listeners.clear()
      running?.kill()
      await ended
    },
  }
}

function isCounted(state: SyncCounters, counted: SyncCounters): boolean {
  return (
    state.outOfSyncBytes === counted.outOfSyncBytes &&
    state.sentBytes === counted.sentBytes &&
    state.receivedBytes === counted.receivedBytes
  )
}

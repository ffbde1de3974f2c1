import { rm } from 'node:fs/promises'
import type { RunPaths } from '../support/paths.ts'
import { endProcess } from '../support/processes.ts'
import { loadState, type SavedState } from './state.ts'

/** Ends exactly the processes that a lab has left, for the case that its supervisor died or does not answer. */
export async function cleanUpAfter(paths: RunPaths, state?: SavedState): Promise<void> {
  const known = state ?? (await loadState(paths))
  if (known) {
    await endProcess(known.supervisor, 'SIGKILL')
    for (const machine of known.machines) await endProcess(machine, 'SIGKILL')
  }
  await rm(paths.sockets, { recursive: true, force: true })
}

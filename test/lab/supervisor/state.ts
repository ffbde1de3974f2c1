import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { RunPaths } from '../support/paths.ts'

const processIdentity = z.object({ pid: z.number().int(), startTicks: z.number() })

/** What `lab down` needs when the supervisor is gone, and the next `lab up` to know whether the disks still fit. */
const savedState = z.object({
  supervisor: processIdentity,
  machines: z.array(processIdentity),
  /** Hash of image and topology; disks made for another one are thrown away. */
  disksKey: z.string(),
})

export type SavedState = z.infer<typeof savedState>

export async function loadState(paths: RunPaths): Promise<SavedState | undefined> {
  try {
    return savedState.parse(JSON.parse(await readFile(paths.stateFile, 'utf8')))
  } catch {
    return undefined
  }
}

export async function saveState(paths: RunPaths, state: SavedState): Promise<void> {
  const temporary = `${paths.stateFile}.tmp-${process.pid}`
  await writeFile(temporary, `${JSON.stringify(state)}\n`)
  await rename(temporary, paths.stateFile)
}

import { mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  endProcess,
  identifyProcess,
  isRunning,
  type ProcessIdentity,
} from '../lab/support/processes.ts'

/** Short, because a Unix socket's path may have 107 bytes only. */
const prefix = 'cpool-'
const ownerFile = 'owner.json'

/** A new folder for all that a playground makes. What a killed playground has left behind goes first. */
export async function makeRunDirectory(log: (line: string) => void): Promise<string> {
  const parent = await realpath(tmpdir())
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue
    const directory = join(parent, name)
    const isOurs = (await stat(directory)).uid === process.getuid?.()
    const owner = isOurs ? await readOwner(directory) : undefined
    if (!owner || isRunning(owner)) continue
    log(`removing what an earlier playground has left in ${directory}`)
    await removeRunDirectory(directory)
  }
  const directory = await mkdtemp(join(parent, prefix))
  await writeFile(join(directory, ownerFile), JSON.stringify(identifyProcess(process.pid)))
  return directory
}

/** Ends whatever still runs in it, and removes it. Answers the command lines of what had to be ended. */
export async function removeRunDirectory(directory: string): Promise<readonly string[]> {
  const left = await processesOf(directory)
  for (const { identity } of left) await endProcess(identity, 'SIGKILL')
  await rm(directory, { recursive: true, force: true })
  return left.map(({ command }) => command)
}

export interface FoundProcess {
  readonly identity: ProcessIdentity
  readonly command: string
}

/** Processes that name something in the folder on their command lines; not this one. */
export async function processesOf(directory: string): Promise<readonly FoundProcess[]> {
  const found: FoundProcess[] = []
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const identity = text.includes(`${directory}/`) ? identifyProcess(pid) : undefined
    if (identity) found.push({ identity, command: text.replaceAll('\0', ' ').trim() })
  }
  return found
}

async function readOwner(directory: string): Promise<ProcessIdentity | undefined> {
  try {
    const { pid, startTicks } = JSON.parse(await readFile(join(directory, ownerFile), 'utf8'))
    return { pid: Number(pid), startTicks: Number(startTicks) }
  } catch {
    return undefined
  }
}

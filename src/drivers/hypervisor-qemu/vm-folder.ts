import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MiB } from '../../lib/units.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { type QemuVm, qemuVmSchema } from './qemu-vm.ts'

/** A Unix socket's path has at most this many characters. */
const socketPathCharactersMax = 107
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const consoleBytesMax = 4 * MiB
const logCharactersMax = 1_000

/** Where everything of one VM lies. The process that runs it has its sockets, pid and logs here. */
export interface VmFolder {
  readonly path: string
  /** What the VM is made of; enough to describe it after this daemon has been restarted. */
  readonly configuration: string
  /** There while the VM is a copy that, as far as this file knows, has not run here yet. */
  readonly incoming: string
  readonly monitor: string
  /** A monitor for people; the other one serves this daemon alone. */
  readonly peopleMonitor: string
  readonly pid: string
  /** QEMU's own complaints. */
  readonly log: string
  readonly console: string
  readonly consoleLog: string
  readonly memory: string
}

/** @throws NOT_FOUND for an id that is no UUID: it would become part of a path */
export function vmFolder(directory: string, vm: string): VmFolder {
  if (!uuidPattern.test(vm)) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id: vm })
  const path = join(directory, vm)
  return {
    path,
    configuration: join(path, 'configuration.json'),
    incoming: join(path, 'incoming'),
    monitor: join(path, 'monitor.sock'),
    peopleMonitor: join(path, 'people.sock'),
    pid: join(path, 'pid'),
    log: join(path, 'qemu.log'),
    console: join(path, 'console.sock'),
    consoleLog: join(path, 'console.log'),
    memory: join(path, 'memory.sock'),
  }
}

/** @throws NOT_SUPPORTED when sockets in this folder would have too long a path */
export function assertShortEnough(directory: string): void {
  const { monitor } = vmFolder(directory, '00000000-0000-4000-8000-000000000000')
  const excess = monitor.length - socketPathCharactersMax
  if (excess <= 0) return
  const reason = `its path is ${excess} characters too long for the sockets in it`
  throw new CrosspoolError('NOT_SUPPORTED', { what: `The folder ${directory}`, reason })
}

export async function listVmFolders(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => uuidPattern.test(name)).sort()
}

export async function makeVmFolder(
  folder: VmFolder,
  vm: QemuVm,
  isIncoming: boolean,
): Promise<void> {
  await mkdir(folder.path, { recursive: true, mode: 0o700 })
  // First, so that a half-made folder never passes for a VM that has run here.
  if (isIncoming) await markIncoming(folder, 'held')
  await writeFile(folder.configuration, JSON.stringify(vm, null, 2), { mode: 0o600 })
}

export async function readVm(folder: VmFolder): Promise<QemuVm> {
  return qemuVmSchema.parse(JSON.parse(await readFile(folder.configuration, 'utf8')))
}

/** A copy that is `held` has certainly never run here; one that was `told` to may have. */
export type IncomingMark = 'held' | 'told'

/** Null for a VM that has run here. */
export async function incomingMark(folder: VmFolder): Promise<IncomingMark | null> {
  const text = await readFile(folder.incoming, 'utf8').catch(() => null)
  if (text === null) return null
  return text === 'held' ? 'held' : 'told'
}

/** To be written before the copy is told to run, so that whoever comes after a crash knows. */
export async function markIncoming(folder: VmFolder, mark: IncomingMark): Promise<void> {
  await writeFile(folder.incoming, mark, { mode: 0o600 })
}

export async function unmarkIncoming(folder: VmFolder): Promise<void> {
  await rm(folder.incoming, { force: true })
}

export async function removeVmFolder(folder: VmFolder): Promise<void> {
  await rm(folder.path, { recursive: true, force: true })
}

/** The end of QEMU's complaints, in one line. */
export async function complaintOf(folder: VmFolder): Promise<string> {
  const text = await readFile(folder.log, 'utf8').catch(() => '')
  const lines = text.slice(-logCharactersMax).split('\n').slice(-4)
  return (
    lines
      .map((line) => line.trim())
      .filter(Boolean)
      .join('; ') || 'QEMU said nothing'
  )
}

/** A guest may write to its console for ever; only its last few megabytes are kept, in two files. */
export async function limitConsoleLog(folder: VmFolder): Promise<void> {
  const facts = await stat(folder.consoleLog).catch(() => null)
  if (facts === null || facts.size <= consoleBytesMax) return
  await copyFile(folder.consoleLog, `${folder.consoleLog}.1`)
  await truncate(folder.consoleLog)
}

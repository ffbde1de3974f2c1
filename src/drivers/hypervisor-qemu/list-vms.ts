import { type Qmp, QmpClosedError } from '../../lib/qmp/qmp.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { VmFacts } from '../../model/vm.ts'
import { destroyProcess, isThere } from './process.ts'
import type { QemuContext } from './qemu-context.ts'
import { factsOf, type QemuVm } from './qemu-vm.ts'
import { hasEnded, queryRunState, vmStateOf } from './run-state.ts'
import { incomingMark, limitConsoleLog, listVmFolders, readVm, vmFolder } from './vm-folder.ts'

export interface ListedVm {
  readonly vm: QemuVm
  readonly facts: VmFacts
}

export interface FoundVm extends ListedVm {
  readonly qmp: Qmp
}

/** The VMs of this host; a copy that has not run here is none yet. What is left of those that ended is removed. */
export async function listVms(context: QemuContext): Promise<readonly ListedVm[]> {
  const ids = await listVmFolders(context.directory)
  const vms = await Promise.all(ids.map((id) => describe(context, id)))
  return vms.flatMap((vm) => (vm === null ? [] : [vm]))
}

/** The VM of this UUID, else one of this name. The QEMUs of all others are left alone. */
export async function findByName(context: QemuContext, wanted: string): Promise<VmFacts | null> {
  const ids = await listVmFolders(context.directory)
  const named = async () => {
    const names = await Promise.all(ids.map((id) => nameOf(context, id)))
    return ids.filter((_, index) => names[index] === wanted)
  }
  for (const id of ids.includes(wanted) ? [wanted] : await named()) {
    const found = await describe(context, id)
    if (found !== null) return found.facts
  }
  return null
}

async function nameOf({ directory, names }: QemuContext, id: string): Promise<string | null> {
  const known = names.get(id)
  if (known !== undefined) return known
  const vm = await readVm(vmFolder(directory, id)).catch(() => null)
  if (vm !== null) names.set(id, vm.name)
  return vm?.name ?? null
}

/** @throws NOT_FOUND; DEADLINE_PASSED when its QEMU does not answer */
export async function findVm(context: QemuContext, id: string): Promise<FoundVm> {
  const qmp = await context.monitors.open(id)
  const found = qmp === null ? null : await look(context, id, qmp)
  if (qmp === null || found === null) throw new CrosspoolError('NOT_FOUND', { kind: 'vm', id })
  return { ...found, qmp }
}

/** For a VM that is not found: WRONG_STATE while its folder still tells that it has been here. */
export async function explainEnd(
  { directory }: QemuContext,
  id: string,
  error: unknown,
): Promise<never> {
  const vm = await readVm(vmFolder(directory, id)).catch(() => null)
  throw vm !== null && isCrosspoolError(error, 'NOT_FOUND') ? hasEnded(id, 'shutdown') : error
}

async function describe(context: QemuContext, id: string): Promise<ListedVm | null> {
  if (context.launching.has(id)) return null
  try {
    const qmp = await context.monitors.open(id)
    if (qmp !== null) return await look(context, id, qmp)
    await tidy(context, id)
    return null
  } catch {
    return await silent(context, id)
  }
}

async function look(context: QemuContext, id: string, qmp: Qmp): Promise<ListedVm | null> {
  const folder = vmFolder(context.directory, id)
  try {
    const [vm, runState] = await Promise.all([readVm(folder), queryRunState(context, qmp)])
    if (runState !== 'running' && (await incomingMark(folder)) !== null) return null
    await limitConsoleLog(folder)
    return { vm, facts: factsOf(vm, vmStateOf(runState)) }
  } catch (error) {
    if (error instanceof QmpClosedError) return null
    throw error
  }
}

/** A VM whose QEMU does not answer, for example for a disk that is away, is still there. */
async function silent(context: QemuContext, id: string): Promise<ListedVm | null> {
  const folder = vmFolder(context.directory, id)
  const vm = await readVm(folder).catch(() => null)
  if (vm === null || (await incomingMark(folder)) !== null) return null
  const facts = factsOf(vm, 'paused')
  return { vm, facts: { ...facts, obstacles: [...facts.obstacles, 'its QEMU does not answer'] } }
}

/**
 * Removes what a QEMU that has ended left behind; but what is known of a copy that never ran here is
 * kept until somebody destroys it. One that is being started holds the lock.
 */
async function tidy(context: QemuContext, id: string): Promise<void> {
  await context.lock.run([id], async () => {
    const folder = vmFolder(context.directory, id)
    if ((await incomingMark(folder)) !== null) return
    if (!(await isThere(context, folder, id))) await destroyProcess(context, folder)
  })
}

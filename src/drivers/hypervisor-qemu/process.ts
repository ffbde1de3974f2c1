import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { codeOf } from '../../lib/error-code.ts'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import { within } from '../../ports/deadlines.ts'
import { commandLineOf } from './command-line.ts'
import { findKernel } from './find-kernel.ts'
import type { QemuContext } from './qemu-context.ts'
import type { QemuVm } from './qemu-vm.ts'
import { complaintOf, makeVmFolder, removeVmFolder, type VmFolder, vmFolder } from './vm-folder.ts'

const pauseMs = 10

/**
 * Starts a QEMU for this VM, which outlives this daemon, and answers its monitor. The guest does not
 * run yet. The caller holds the VM's lock. @throws ALREADY_EXISTS when there is one already
 */
export async function launch(
  context: QemuContext,
  vm: QemuVm,
  { isIncoming }: { readonly isIncoming: boolean },
): Promise<Qmp> {
  const { commandRunner, command, networks, kernelDirectories, limits, monitors } = context
  const folder = vmFolder(context.directory, vm.id)
  if (await isThere(context, folder, vm.id))
    throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vm', id: vm.id })
  const kernel = await findKernel(vm.details.boot, kernelDirectories)
  const parts = { folder, networks, kernel, isIncoming, platform: process.platform }
  const args = commandLineOf(vm, parts)
  context.launching.add(vm.id)
  try {
    await removeVmFolder(folder)
    context.names.delete(vm.id)
    await makeVmFolder(folder, vm, isIncoming)
    await commandRunner.run(command, args, { timeoutMs: limits.stepMs })
    const qmp = await monitors.open(vm.id)
    if (qmp !== null) return qmp
    const details = { command, how: 'ended at once', output: '' }
    throw new CrosspoolError('COMMAND_FAILED', details)
  } catch (error) {
    const output = await complaintOf(folder)
    await destroyProcess(context, folder)
    if (!isCrosspoolError(error, 'COMMAND_FAILED')) throw error
    // What QEMU complains of is in its log; and hundreds of arguments explain nothing.
    const how = String(error.details.how)
    throw new CrosspoolError('COMMAND_FAILED', { command, how, output }, error)
  } finally {
    context.launching.delete(vm.id)
  }
}

/** True when a QEMU of this VM lives, also one that does not answer. */
export async function isThere(
  context: QemuContext,
  folder: VmFolder,
  vm: string,
): Promise<boolean> {
  const qmp = await context.monitors.open(vm).catch(() => null)
  return qmp !== null || (await livingPid(folder)) !== null
}

/** Ends the QEMU of this folder, and removes the folder. */
export async function destroyProcess(context: QemuContext, folder: VmFolder): Promise<void> {
  await endProcess(context, folder)
  await removeVmFolder(folder)
  context.names.delete(basename(folder.path))
}

/**
 * Ends the QEMU of this folder at once, as if the guest's power were cut. Where its pid cannot be
 * verified to be that QEMU's, QEMU is asked to end itself.
 */
export async function endProcess(context: QemuContext, folder: VmFolder): Promise<void> {
  const { clock, limits } = context
  const untilMs = clock.monotonicMs() + limits.stepMs
  for (let hasAsked = false; ; ) {
    const pid = await livingPid(folder)
    if (pid !== null) kill(pid)
    else if (hasAsked || !(await askToQuit(context, folder))) break
    hasAsked = true
    if (clock.monotonicMs() > untilMs) {
      const what = `the end of QEMU in ${folder.path}`
      throw new CrosspoolError('DEADLINE_PASSED', { what, timeoutMs: limits.stepMs })
    }
    await clock.sleep(pauseMs)
  }
  await context.monitors.forget(basename(folder.path))
}

/** Answers whether there was anybody to ask. Resolves when it has gone. */
async function askToQuit(context: QemuContext, folder: VmFolder): Promise<boolean> {
  const { clock, limits, monitors } = context
  const qmp = await monitors.open(basename(folder.path))
  if (qmp === null) return false
  await qmp.execute('quit').catch(() => {})
  await within(clock, limits.stepMs, `the end of QEMU in ${folder.path}`, qmp.closed)
  return true
}

/** The pid of this folder's QEMU while it lives. A pid that has gone to another process is not it. */
async function livingPid(folder: VmFolder): Promise<number | null> {
  const pid = Number((await readFile(folder.pid, 'utf8').catch(() => '')).trim())
  if (!Number.isInteger(pid) || pid <= 1) return null
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return commandLine.split('\0').includes(folder.pid) ? pid : null
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It may have gone meanwhile.
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { CrosspoolError } from '../../model/errors.ts'
import type { VmStart } from '../../model/vm.ts'
import { requireKernels } from './require-kernels.ts'
import { writeStartConfiguration } from './write-start-configuration.ts'
import { listDomains, type XenContext } from './xen-context.ts'

/** xl's words for a host without enough memory for another domain. */
const memoryShortPattern = /free memory for the domain|out of memory|not enough (free )?memory/i

/** Starts a domain with plain `xl create`, as an administrator would. @throws ALREADY_EXISTS, NOT_SUPPORTED, MEMORY_SHORT */
export async function startDomain(
  context: XenContext,
  vm: VmStart,
  freeMemoryBytes: () => Promise<number>,
): Promise<void> {
  const configuration = writeStartConfiguration(vm)
  if ('kernel' in vm.boot) {
    const { kernel, initrd } = vm.boot
    await requireKernels(
      initrd === undefined ? [kernel] : [kernel, initrd],
      context.kernelDirectories,
    )
  }
  const domains = await listDomains(context)
  if (domains.some(({ uuid, name }) => uuid === vm.id || name === vm.name))
    throw new CrosspoolError('ALREADY_EXISTS', { kind: 'vm', id: vm.id })
  // xl reads plain files only.
  await mkdir(context.runtimeDirectory, { recursive: true, mode: 0o700 })
  const file = join(context.runtimeDirectory, `${vm.id}.cfg`)
  await writeFile(file, configuration, { mode: 0o600 })
  try {
    const timeoutMs = context.limits.stepMs
    await context.commandRunner.run('xl', ['create', '-q', file], { timeoutMs })
  } catch (error) {
    if (!isMemoryShort(error)) throw error
    const freeBytes = await freeMemoryBytes()
    const details = { host: hostname(), freeBytes, neededBytes: vm.memoryBytes }
    throw new CrosspoolError('MEMORY_SHORT', details, error)
  } finally {
    await rm(file, { force: true })
  }
}

function isMemoryShort(error: unknown): boolean {
  return error instanceof CrosspoolError && memoryShortPattern.test(String(error.details.output))
}
